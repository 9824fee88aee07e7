"""The network: who reaches whom, how one gets out, and that nobody gets in."""

import json

import pytest


def _of(assembly, kind):
    return {found.logical_id: found.properties for found in assembly.of_kind(kind)}


def _named(reference):
    """The logical id that a reference inside a stack leads to."""
    (value,) = reference.values()
    return value[0] if isinstance(value, list) else value


def _place(group):
    return group.partition("Group")[0].lower()


def _ingress(assembly):
    """Who may knock where: (source, target, port)."""
    for name, group in _of(assembly, "AWS::EC2::SecurityGroup").items():
        for rule in group.get("SecurityGroupIngress", []):
            yield rule["CidrIp"], _place(name), rule["FromPort"], rule["ToPort"]
    for rule in _of(assembly, "AWS::EC2::SecurityGroupIngress").values():
        source = _place(_named(rule["SourceSecurityGroupId"]))
        yield source, _place(_named(rule["GroupId"])), rule["FromPort"], rule["ToPort"]


def _egress(assembly):
    for name, group in _of(assembly, "AWS::EC2::SecurityGroup").items():
        for rule in group.get("SecurityGroupEgress", []):
            yield _place(name), rule["CidrIp"], rule["FromPort"], rule["ToPort"]
    for rule in _of(assembly, "AWS::EC2::SecurityGroupEgress").values():
        target = _place(_named(rule["DestinationSecurityGroupId"]))
        yield _place(_named(rule["GroupId"])), target, rule["FromPort"], rule["ToPort"]


def _tables(assembly):
    """The name of a kind of subnet, and where its route table's default leads."""
    routes = {
        _named(route["RouteTableId"]): route
        for route in _of(assembly, "AWS::EC2::Route").values()
        if route.get("DestinationCidrBlock") == "0.0.0.0/0"
    }
    for link in _of(assembly, "AWS::EC2::SubnetRouteTableAssociation").values():
        subnet = _named(link["SubnetId"])
        kind = next(kind for kind in ("Public", "Private", "Isolated") if kind in subnet)
        yield kind, routes.get(_named(link["RouteTableId"]))


def test_without_a_proxy_functions_and_workers_query_the_server(dev):
    assert {rule for rule in _ingress(dev) if rule[1] != "nat"} == {
        ("functions", "database", 5432, 5432),
        ("workers", "database", 5432, 5432),
        ("migration", "database", 5432, 5432),
    }


def test_with_a_proxy_only_it_and_migrations_query_the_server(production):
    assert set(_ingress(production)) == {
        ("functions", "proxy", 5432, 5432),
        ("workers", "proxy", 5432, 5432),
        ("proxy", "database", 5432, 5432),
        ("migration", "database", 5432, 5432),
    }


def test_what_leaves_is_tls_or_a_query(on_aws):
    for source, target, first, last in _egress(on_aws):
        if target == "255.255.255.255/32":
            continue  # how CloudFormation is told: nothing at all
        assert first == last, source
        assert (target, first) in {
            ("0.0.0.0/0", 443),
            ("database", 5432),
            ("proxy", 5432),
        }, source
        assert source != "database", "the server calls nobody"


def test_the_internet_may_knock_nowhere(on_aws):
    assert not [rule for rule in _ingress(on_aws) if rule[0].endswith("/0")]


def test_the_nat_instance_forwards_for_the_private_subnets_alone(dev):
    private = {
        subnet["CidrBlock"]
        for name, subnet in _of(dev, "AWS::EC2::Subnet").items()
        if "Private" in name
    }
    assert len(private) == 2
    assert {rule[0] for rule in _ingress(dev) if rule[1] == "nat"} == private
    assert {rule[2:] for rule in _ingress(dev) if rule[1] == "nat"} == {(443, 443)}


def test_the_nat_instance_is_hardened(dev):
    (machine,) = _of(dev, "AWS::EC2::Instance").values()
    assert machine["SourceDestCheck"] is False
    assert "KeyName" not in machine
    (disk,) = machine["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"] is True
    (template,) = _of(dev, "AWS::EC2::LaunchTemplate").values()
    assert template["LaunchTemplateData"]["MetadataOptions"]["HttpTokens"] == "required"
    assert machine["LaunchTemplate"]["LaunchTemplateName"] == template["LaunchTemplateName"]
    # Two stages of one account must not name their templates alike.
    assert "dev" in template["LaunchTemplateName"]
    policies = json.dumps([found.properties for found in dev.of_kind("AWS::IAM::Policy")])
    assert "NatMachineInstanceRole" not in policies


def test_the_image_of_the_nat_instance_is_asked_for_at_deploy(dev):
    parameters = dev.templates["Huntaze-dev-Network"]["Parameters"]
    (image,) = [name for name in parameters if "al2023" in name]
    assert parameters[image]["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    (machine,) = _of(dev, "AWS::EC2::Instance").values()
    assert machine["ImageId"] == {"Ref": image}


def test_the_stage_decides_what_leads_out(dev, production):
    assert {
        kind: set(route) & {"InstanceId", "NatGatewayId"}
        for kind, route in _tables(dev)
        if kind == "Private"
    } == {"Private": {"InstanceId"}}
    gateways = [
        route["NatGatewayId"]["Ref"] for kind, route in _tables(production) if kind == "Private"
    ]
    assert len(set(gateways)) == len(gateways) == 2, "each zone has a gateway of its own"
    assert not production.of_kind("AWS::EC2::Instance")
    assert not dev.of_kind("AWS::EC2::NatGateway")


def test_the_database_has_no_way_out(on_aws):
    isolated = [route for kind, route in _tables(on_aws) if kind == "Isolated"]
    assert isolated == [None, None]
    for endpoint in _of(on_aws, "AWS::EC2::VPCEndpoint").values():
        assert "Isolated" not in json.dumps(endpoint["RouteTableIds"])


def test_nothing_gets_a_public_address_by_itself(on_aws):
    for name, subnet in _of(on_aws, "AWS::EC2::Subnet").items():
        assert subnet["MapPublicIpOnLaunch"] is False, name


def test_zones_are_named_without_asking_aws(on_aws):
    zones = {subnet["AvailabilityZone"] for subnet in _of(on_aws, "AWS::EC2::Subnet").values()}
    assert zones == {"us-east-1a", "us-east-1b"}
    manifest = json.loads((on_aws.folder / "manifest.json").read_text())
    assert not manifest.get("missing"), "something would be looked up with credentials"


def test_s3_and_dynamodb_are_reached_inside(on_aws):
    services = {
        endpoint["ServiceName"]["Fn::Join"][1][-1]
        for endpoint in _of(on_aws, "AWS::EC2::VPCEndpoint").values()
    }
    assert services == {".s3", ".dynamodb"}


def test_flows_are_logged_and_kept_for_a_while(on_aws):
    (flows,) = _of(on_aws, "AWS::EC2::FlowLog").values()
    assert (flows["ResourceType"], flows["TrafficType"]) == ("VPC", "ALL")
    groups = {
        g.logical_id: g.properties
        for g in on_aws.of_kind("AWS::Logs::LogGroup")
        if g.stack.endswith("-Network")
    }
    assert groups[flows["LogGroupName"]["Ref"]]["RetentionInDays"]


def test_stages_can_be_peered(dev, production):
    ranges = [
        vpc["CidrBlock"]
        for stage in (dev, production)
        for vpc in _of(stage, "AWS::EC2::VPC").values()
    ]
    assert len(set(ranges)) == 2


def test_functions_with_a_database_are_inside_and_others_outside(on_aws):
    for function in on_aws.of_kind("AWS::Lambda::Function"):
        variables = function.properties["Environment"]["Variables"]
        place = function.properties.get("VpcConfig")
        assert ("DATABASE_HOST" in variables) == (place is not None), function
        if place is None:
            continue
        assert "Private" in json.dumps(place["SubnetIds"]), function
        (group,) = place["SecurityGroupIds"]
        # The owner's connection goes past the proxy.
        owns = function.properties["Handler"].split(".")[1] in ("migrate", "role_passwords")
        assert ("Migration" if owns else "Functions") in json.dumps(group), function


def test_functions_on_one_machine_have_no_network(local):
    for function in local.of_kind("AWS::Lambda::Function"):
        assert "VpcConfig" not in function.properties, function


@pytest.fixture
def network_statements(on_aws):
    """What each function's role says of network interfaces."""
    found = {}
    for policy in on_aws.of_kind("AWS::IAM::Policy"):
        statements = [
            statement
            for statement in policy.properties["PolicyDocument"]["Statement"]
            if "ec2:" in json.dumps(statement["Action"])
        ]
        if statements:
            found[str(policy)] = statements
    inside = [f for f in on_aws.of_kind("AWS::Lambda::Function") if "VpcConfig" in f.properties]
    assert len(found) == len(inside)
    return found


def test_interfaces_are_made_in_the_private_subnets_only(network_statements):
    for owner, statements in network_statements.items():
        targets = [
            json.dumps(statement["Resource"])
            for statement in statements
            if statement["Effect"] == "Allow"
            and "ec2:CreateNetworkInterface" in json.dumps(statement["Action"])
        ]
        named = "".join(targets)
        assert ":subnet/" in named, owner
        assert "PrivateSubnet" in named, owner
        assert "PublicSubnet" not in named, owner
        assert "IsolatedSubnet" not in named, owner
        assert '"*"' not in targets, owner
        assert "subnet/*" not in named, owner
        assert "security-group/*" not in named, owner


def test_the_code_of_a_function_cannot_touch_the_network(network_statements):
    for owner, statements in network_statements.items():
        (denied,) = [statement for statement in statements if statement["Effect"] == "Deny"]
        allowed = {
            action
            for statement in statements
            if statement["Effect"] == "Allow"
            for action in (
                [statement["Action"]]
                if isinstance(statement["Action"], str)
                else statement["Action"]
            )
        }
        on_network = {action for action in allowed if action.startswith("ec2:")}
        assert denied["Resource"] == "*", owner
        # Lambda's own calls carry no source function; a call of the code does.
        assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}, owner
        assert on_network <= set(denied["Action"]), owner
