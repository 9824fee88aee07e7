"""Findings of cdk-nag that stay, each with its reason, on the construct that it is about."""

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

# What a stage on one machine cannot have, and why that is no loss.
NO_TLS_LOCALLY = "the stand-in for AWS is reached over the loopback interface, without TLS"
NO_LOGS_LOCALLY = "kept on AWS; on one machine the stand-in's own log shows every call"
NO_TRACES_LOCALLY = "traced on AWS; on one machine nothing collects traces"


def acknowledge(
    construct: IConstruct, rule: str, reason: str, *, pack: str = "AwsSolutions"
) -> None:
    """Keep a finding on ``construct`` and what it consists of.

    Args:
        construct: The smallest one that the finding is about.
        rule: As cdk-nag names it, e.g. ``L1``.
        reason: Why it is right as it is.
        pack: The set of rules: ``AwsSolutions`` or ``Serverless``.
    """
    Validations.of(construct).acknowledge(
        Acknowledgment(id=f"{pack}::{pack}-{rule}", reason=reason)
    )


def acknowledge_wildcard(construct: IConstruct, arn: str, reason: str) -> None:
    """Keep one ARN with a wildcard in the policy of a role."""
    flat = _flat(Stack.of(construct).resolve(arn))
    acknowledge(construct, f"IAM5[Resource::{flat}]", reason)


def acknowledge_managed_policy(construct: IConstruct, name: str, reason: str) -> None:
    """Keep one policy of AWS's own on a role, e.g. ``service-role/…``."""
    arn = f"arn:<AWS::Partition>:iam::aws:policy/{name}"
    acknowledge(construct, f"IAM4[Policy::{arn}]", reason)


def _flat(node: object) -> str:
    """Write an ARN as cdk-nag does in the name of a finding."""
    match node:
        case {"Fn::Join": [str(delimiter), list(parts)]}:
            return delimiter.join(_flat(part) for part in parts)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return str(name)
        case {"Ref": name}:
            return f"<{name}>"
        case _:
            return str(node)
