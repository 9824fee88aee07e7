"""What Lambda needs to join functions to the network, and what their code may not."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from stacks.network import Place
from stacks.permissions.grants import allow

NETWORK_INTERFACE_ACTIONS = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DetachNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
]
"""What a function's code may never do to the network."""


def join_network(role: iam.Role, place: Place) -> None:
    """Let Lambda keep the function's interfaces in the private subnets, and the function not.

    Lambda itself makes and removes them with the role that the function also runs with.
    """
    stack = Stack.of(role)

    def of_network(resource: str, name: str) -> str:
        return stack.format_arn(service="ec2", resource=resource, resource_name=name)

    allow(
        role,
        ["ec2:CreateNetworkInterface"],
        [
            *(of_network("subnet", subnet.subnet_id) for subnet in place.subnets),
            of_network("security-group", place.group.security_group_id),
        ],
    )
    allow(
        role,
        [
            "ec2:CreateNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ],
        [of_network("network-interface", "*")],
        because="the interface has no name before it is made",
    )
    # Lambda refuses a role that may not delete on every kind of resource of the account.
    anything = stack.format_arn(service="ec2", resource="*", resource_name="*")
    allow(
        role, ["ec2:DeleteNetworkInterface"], [anything], because="the form that Lambda checks for"
    )
    allow(
        role,
        ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"],
        ["*"],
        because="descriptions have no resource level",
    )
    # Whatever the function's own code asks for names the function as its source. A denial: it takes
    # away from everything, and gives nothing.
    role.add_to_principal_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=NETWORK_INTERFACE_ACTIONS,
            resources=["*"],
            conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
        )
    )
