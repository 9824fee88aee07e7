"""The templates of a stage, deployed to an emulator that shares no code with the local cloud's.

What it does not know is left out, and what refers to it gets a placeholder: moto knows many of the
types that a template may hold, and ignores the others.
"""

import json
import re
from typing import Any

import boto3
from moto.cloudformation.parsing import get_model_map

type Json = dict[str, Any]

ACCOUNT = "123456789012"
REGION = "us-east-1"
# moto answers `Ref` of these with an object of its own instead of the name.
_REF_IS_NO_NAME = frozenset({"AWS::Events::EventBus"})
# moto knows these, but makes nothing of them that other resources of a template could use.
UNUSABLE = frozenset({"AWS::RDS::DBParameterGroup"})


class Emulated:
    """The stacks of one stage as they were created, and what they are made of."""

    def __init__(self, assembly):
        self.assembly = assembly
        self.zones = {}

    def create(self):
        """Create all stacks, each after those whose exports it takes."""
        boto3.client("ssm").put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String"
        )
        for stack in self.in_order():
            template = self.known(self.assembly.templates[stack])
            self.upload_assets(template)
            boto3.client("cloudformation").create_stack(
                StackName=stack,
                TemplateBody=json.dumps(template),
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )

    def in_order(self):
        """The stacks, each after those that it depends on."""
        manifest = json.loads((self.assembly.folder / "manifest.json").read_text())
        waiting = {
            name: {found for found in artifact.get("dependencies", []) if "." not in found}
            for name, artifact in manifest["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
        while waiting:
            ready = [name for name, needs in waiting.items() if not needs & set(waiting)]
            assert ready, f"stacks need each other: {sorted(waiting)}"
            for name in ready:
                del waiting[name]
                yield name

    def known(self, template):
        """The part of a template that the emulator knows."""
        resources = template["Resources"]
        gone = {name for name, body in resources.items() if is_unknown(body["Type"])}

        def rewritten(node):  # noqa: PLR0911 - one line for each kind of reference
            match node:
                case list():
                    return [rewritten(item) for item in node]
                case {"Ref": name} if name in gone:
                    return f"arn:aws:absent:{REGION}:{ACCOUNT}:{name}"
                case {"Ref": name} if resources.get(name, {}).get("Type") in _REF_IS_NO_NAME:
                    return resources[name]["Properties"]["Name"]
                case {"Fn::GetAtt": [name, attribute]} if name in gone or not has_attribute(
                    resources[name]["Type"], attribute
                ):
                    return f"arn:aws:absent:{REGION}:{ACCOUNT}:{name}/{attribute}"
                case {"DBParameterGroupName": {"Ref": name}} if name in gone:
                    rest = {k: v for k, v in node.items() if k != "DBParameterGroupName"}
                    return rewritten(rest)
                case dict():
                    return {key: rewritten(item) for key, item in node.items()}
                case _:
                    return node

        kept = {
            name: self.mended(body, gone) for name, body in resources.items() if name not in gone
        }
        return rewritten({**template, "Resources": kept})

    def mended(self, body, gone):
        """A resource without what its absent neighbours and the emulator's ways forbid."""
        needs = body.get("DependsOn", [])
        needs = sorted(set([needs] if isinstance(needs, str) else needs) - gone)
        properties = dict(body.get("Properties", {}))
        if "Integration" in properties:
            # A preflight leads to nobody behind the API, yet moto asks for the way there.
            nowhere = {"IntegrationHttpMethod": "POST", "Uri": ""}
            properties["Integration"] = {**nowhere, **properties["Integration"]}
        if body["Type"] == "AWS::Route53::RecordSet":
            properties["HostedZoneId"] = self.zone(properties["HostedZoneId"])
        return {**body, "Properties": properties, "DependsOn": needs}

    def zone(self, zone_id):
        """The zone that was there before the stage; the emulator chooses its id."""
        if zone_id not in self.zones:
            made = boto3.client("route53").create_hosted_zone(
                Name="huntaze.example", CallerReference=zone_id
            )
            self.zones[zone_id] = made["HostedZone"]["Id"].rpartition("/")[2]
        return self.zones[zone_id]

    def upload_assets(self, template):
        """Put the zips where the deployment would have put them."""
        s3 = boto3.client("s3")
        for body in template["Resources"].values():
            properties = body.get("Properties", {})
            content = properties.get("Code") or properties.get("Content") or {}
            if "S3Key" in content:
                place = [in_this_account(content[part]) for part in ("S3Bucket", "S3Key")]
                s3.create_bucket(Bucket=place[0])
                s3.upload_file(str(self.assembly.folder / f"asset.{place[1]}"), *place)

    def of_kind(self, kind):
        """The resources of one type that were asked for, by the id that they got."""
        cloudformation = boto3.client("cloudformation")
        found = {}
        for stack in self.assembly.templates:
            for made in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]:
                if made["ResourceType"] == kind:
                    asked = self.assembly.templates[stack]["Resources"][made["LogicalResourceId"]]
                    found[made["PhysicalResourceId"]] = asked.get("Properties", {})
        assert found, kind
        return found


def has_attribute(kind, attribute):
    """Whether the emulator can tell an attribute of a type that it knows."""
    return bool(get_model_map()[kind].has_cfn_attr(attribute))


def is_unknown(kind):
    """Whether the emulator cannot create a type; custom resources would call a real function."""
    return kind in UNUSABLE or kind not in get_model_map()


def in_this_account(text):
    """A text of a template that names the account."""
    text = text if isinstance(text, str) else text["Fn::Sub"]
    return re.sub(
        r"\$\{AWS::(\w+)\}", lambda m: {"AccountId": ACCOUNT, "Region": REGION}[m[1]], text
    )
