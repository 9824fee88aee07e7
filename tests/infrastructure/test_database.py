"""The database on AWS: kept, encrypted, and spoken to over TLS only."""

import json

import pytest

_DATA = {"production": (True, True, 35), "dev": (False, False, 7)}


@pytest.fixture
def instance(on_aws):
    (found,) = on_aws.of_kind("AWS::RDS::DBInstance")
    return found.properties


@pytest.mark.parametrize("stage", ["dev", "production"])
def test_what_production_cannot_lose_is_guarded(request, stage):
    (found,) = request.getfixturevalue(stage).of_kind("AWS::RDS::DBInstance")
    multi_az, protected, days = _DATA[stage]
    assert found.properties["MultiAZ"] is multi_az
    assert found.properties["DeletionProtection"] is protected
    # More than 0 days of backups are point-in-time recovery, too.
    assert found.properties["BackupRetentionPeriod"] == days
    assert found.properties["DeleteAutomatedBackups"] is not protected


def test_production_outlives_its_stack(production):
    template = production.templates["Huntaze-production-Database"]["Resources"]
    kept = {
        body["Type"]: body.get("DeletionPolicy")
        for body in template.values()
        if body["Type"] in {"AWS::RDS::DBInstance", "AWS::KMS::Key"}
    }
    assert kept == {"AWS::RDS::DBInstance": "Retain", "AWS::KMS::Key": "Retain"}


def test_storage_is_encrypted_with_a_key_of_its_own(on_aws, instance):
    assert instance["StorageEncrypted"] is True
    key = instance["KmsKeyId"]["Fn::GetAtt"][0]
    own = {k.logical_id for k in on_aws.of_kind("AWS::KMS::Key") if k.stack.endswith("-Database")}
    assert own == {key}
    assert instance["PerformanceInsightsKMSKeyId"] == instance["KmsKeyId"]


def test_nobody_reaches_it_from_outside(on_aws, instance):
    assert instance["PubliclyAccessible"] is False
    for subnets in on_aws.of_kind("AWS::RDS::DBSubnetGroup"):
        named = json.dumps(subnets.properties["SubnetIds"])
        assert named.count("IsolatedSubnet") >= 2, subnets
        assert "PublicSubnet" not in named, subnets
        assert "PrivateSubnet" not in named, subnets
    assert "DatabaseGroup" in json.dumps(instance["VPCSecurityGroups"])


def test_it_refuses_plain_connections_and_bounds_statements(on_aws):
    (group,) = on_aws.of_kind("AWS::RDS::DBParameterGroup")
    parameters = group.properties["Parameters"]
    assert group.properties["Family"] == "postgres17"
    assert parameters["rds.force_ssl"] == "1"
    assert 0 < int(parameters["statement_timeout"]) <= 300_000
    assert 0 < int(parameters["idle_in_transaction_session_timeout"]) <= 60_000


def test_its_log_names_no_values(on_aws):
    (group,) = on_aws.of_kind("AWS::RDS::DBParameterGroup")
    parameters = group.properties["Parameters"]
    assert parameters["log_parameter_max_length"] == "0"
    assert parameters["log_parameter_max_length_on_error"] == "0"
    assert parameters["log_error_verbosity"] == "terse"
    assert "log_statement" not in parameters


def test_its_log_is_kept_for_a_while(on_aws, instance):
    assert instance["EnableCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    groups = {
        group.properties.get("LogGroupName"): group.properties["RetentionInDays"]
        for group in on_aws.of_kind("AWS::Logs::LogGroup")
    }
    for kind in instance["EnableCloudwatchLogsExports"]:
        assert groups[f"/aws/rds/instance/{instance['DBInstanceIdentifier']}/{kind}"]


def test_it_stays_current_within_its_major_version(instance):
    assert instance["EngineVersion"] == "17", "a minor version here would fight RDS's updates"
    assert instance["AutoMinorVersionUpgrade"] is True
    assert instance["PreferredMaintenanceWindow"]


def test_the_master_password_is_never_in_the_template(on_aws, instance):
    assert "resolve:secretsmanager" in json.dumps(instance["MasterUserPassword"])
    (attachment,) = on_aws.of_kind("AWS::SecretsManager::SecretTargetAttachment")
    assert "PostgresInstance" in json.dumps(attachment.properties["TargetId"])


def test_the_address_is_the_servers_or_its_proxys(dev, production):
    for stage, of in ((dev, "PostgresInstance"), (production, "PostgresProxy")):
        for function in stage.of_kind("AWS::Lambda::Function"):
            variables = function.properties["Environment"]["Variables"]
            if "DATABASE_HOST" in variables:
                assert of in json.dumps(variables["DATABASE_HOST"]), function


def test_clients_on_aws_check_whom_they_speak_to(on_aws):
    for function in on_aws.of_kind("AWS::Lambda::Function"):
        variables = function.properties["Environment"]["Variables"]
        if "DATABASE_HOST" in variables:
            assert variables["DATABASE_TLS"] == "verify-full", function


def test_the_servers_certificate_is_of_an_authority_that_clients_know(instance):
    assert instance["CACertificateIdentifier"] == "rds-ca-rsa2048-g1"


def test_the_proxy_speaks_tls_and_admits_the_roles_alone(production):
    (proxy,) = production.of_kind("AWS::RDS::DBProxy")
    assert proxy.properties["RequireTLS"] is True
    assert proxy.properties["DebugLogging"] is False
    names = json.dumps(proxy.properties["Auth"])
    for role in ("App", "Worker", "Authorizer", "Identity", "Intake", "Relay"):
        assert f'"{role}' in names, role
    assert "Master" not in names
    named = json.dumps(proxy.properties["VpcSubnetIds"])
    assert "IsolatedSubnet" in named
    assert "PrivateSubnet" not in named
    (group,) = [
        group
        for group in production.of_kind("AWS::Logs::LogGroup")
        if str(group.properties.get("LogGroupName", "")).startswith("/aws/rds/proxy/")
    ]
    assert group.properties["LogGroupName"].endswith(proxy.properties["DBProxyName"])


def test_the_small_stage_pays_for_no_proxy_and_hangs_up_on_sleepers(dev):
    assert not dev.of_kind("AWS::RDS::DBProxy")
    (group,) = dev.of_kind("AWS::RDS::DBParameterGroup")
    assert int(group.properties["Parameters"]["idle_session_timeout"]) <= 900_000
    (found,) = dev.of_kind("AWS::RDS::DBInstance")
    assert found.properties["DBInstanceClass"] == "db.t4g.micro"


def test_one_machine_brings_its_own_server(local):
    assert not local.of_kind("AWS::RDS::DBInstance")
    for function in local.of_kind("AWS::Lambda::Function"):
        variables = function.properties["Environment"]["Variables"]
        if "DATABASE_HOST" in variables:
            assert variables["DATABASE_HOST"] == "127.0.0.1", function
            assert variables["DATABASE_TLS"] == "disable", function
