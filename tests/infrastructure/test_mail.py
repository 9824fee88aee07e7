"""Mails prove whose they are, and one function alone may send them."""

import json


def _records(assembly, rendered):
    return {
        (record.properties["Type"], rendered(record.properties["Name"])): rendered(
            record.properties["ResourceRecords"][0]
        )
        for record in assembly.of_kind("AWS::Route53::RecordSet")
        if "ResourceRecords" in record.properties
    }


def test_the_domain_proves_itself(production, rendered):
    (identity,) = production.of_kind("AWS::SES::EmailIdentity")
    assert identity.properties["EmailIdentity"] == "huntaze.example"
    assert identity.properties["DkimAttributes"]["SigningEnabled"] is True
    assert identity.properties["MailFromAttributes"] == {
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
        "MailFromDomain": "mail.huntaze.example",
    }
    records = _records(production, rendered)
    assert records["TXT", "mail.huntaze.example"] == '"v=spf1 include:amazonses.com -all"'
    assert records["MX", "mail.huntaze.example"] == ("10 feedback-smtp.us-east-1.amazonses.com")
    dmarc = records["TXT", "_dmarc.huntaze.example"]
    # BIMI shows no logo for a policy that lets forgeries pass.
    assert dmarc.startswith('"v=DMARC1; p=quarantine;')
    bimi = records["TXT", "default._bimi.huntaze.example"]
    assert bimi == '"v=BIMI1; l=https://app.huntaze.com/brand/logo.svg; a="'
    dkim = [
        record
        for record in production.of_kind("AWS::Route53::RecordSet")
        if record.properties["Type"] == "CNAME"
        and "DkimDNSTokenName" in json.dumps(record.properties)
    ]
    assert len(dkim) == 3


def test_what_becomes_of_mails_is_told(production):
    (destination,) = production.of_kind("AWS::SES::ConfigurationSetEventDestination")
    kinds = set(destination.properties["EventDestination"]["MatchingEventTypes"])
    assert {"bounce", "complaint", "delivery"} <= kinds
    (options,) = production.of_kind("AWS::SES::ConfigurationSet")
    assert options.properties["DeliveryOptions"]["TlsPolicy"] == "REQUIRE"
    # The account's own list would keep a password from whoever once complained of a digest.
    assert options.properties["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE"]}


def test_somebody_works_on_what_is_told_of_mails(assembly):
    readers = [
        one.properties
        for one in assembly.of_kind("AWS::Lambda::EventSourceMapping")
        if "MailEvents" in json.dumps(one.properties["EventSourceArn"])
    ]
    (reader,) = readers
    assert "MailOutcomes" in json.dumps(reader["FunctionName"])
    assert reader["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_one_role_alone_sends_and_as_one_address_only(production):
    statements = [
        (policy, statement)
        for policy in production.of_kind("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "ses:" in json.dumps(statement["Action"])
    ]
    ((policy, statement),) = statements
    assert policy.logical_id.startswith("Mailer")
    condition = statement["Condition"]["StringEquals"]
    assert condition == {"ses:FromAddress": "no-reply@huntaze.example"}
    assert "*" not in statement["Resource"]


def test_one_machine_has_an_identity_and_nothing_in_a_zone(local):
    (identity,) = local.of_kind("AWS::SES::EmailIdentity")
    assert identity.properties["EmailIdentity"] == "huntaze.test"
    assert local.of_kind("AWS::Route53::RecordSet") == []
