"""What cdk-nag finds in the stages: nothing that has no reason."""

import json

import pytest

_PACKS = {"AwsSolutions", "Serverless"}


@pytest.fixture
def reports(assembly):
    """What each pack of rules says of a stage."""
    report = json.loads((assembly.folder / "validation-report.json").read_text())
    return {found["pluginName"]: found for found in report["pluginReports"]}


def test_nothing_is_found_that_has_no_reason(reports):
    assert set(reports) >= _PACKS
    # A warning does not end the synthesis, so it is looked for here.
    found = {
        violation["ruleName"]: [
            place["constructPath"] for place in violation["violatingConstructs"]
        ]
        for report in reports.values()
        for violation in report["violations"]
    }
    assert found == {}


def test_a_finding_that_stays_is_acknowledged_where_it_is(reports):
    # CDK has a validator of its own, which it acknowledges for whole stacks by itself.
    for pack in _PACKS:
        for kept in reports[pack]["suppressedViolations"]:
            # A whole stack would hide what is added to it later.
            assert "/" in kept["acknowledgedAt"], kept["ruleName"]
            assert len(kept["reason"].split()) >= 4, kept["ruleName"]
