"""The arithmetic of the cost table, on templates of a few lines."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.costs import table
from operations.costs.model import Month, Volume, price_list, usage
from operations.costs.rules import RULES, UnpricedError, charges, is_free
from operations.costs.workflow import definition_of, transitions

PRICES, USAGE = price_list(), usage()
NOTHING = Volume()


def month(*resources: tuple[str, dict[str, Any]], volume: Volume = NOTHING) -> Month:
    body = {
        f"R{number}": {"Type": kind, "Properties": properties}
        for number, (kind, properties) in enumerate(resources)
    }
    return Month({"stack": {"Resources": body}}, volume, USAGE)


def spent(*resources: tuple[str, dict[str, Any]], volume: Volume = NOTHING) -> dict[str, float]:
    base = table.sums(month(volume=volume), PRICES)
    found = table.sums(month(*resources, volume=volume), PRICES)
    return {
        item: round(usd - base.get(item, 0), 4)
        for item, usd in found.items()
        if round(usd - base.get(item, 0), 4)
    }


def test_a_type_that_nobody_has_priced_is_refused() -> None:
    with pytest.raises(UnpricedError, match="AWS::Redshift::Cluster"):
        list(charges(month(("AWS::Redshift::Cluster", {}))))


def test_an_interface_endpoint_is_not_as_free_as_a_gateway() -> None:
    list(charges(month(("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"}))))
    with pytest.raises(UnpricedError):
        list(charges(month(("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface"}))))


def test_a_standby_doubles_the_database() -> None:
    facts = {"AllocatedStorage": "20", "DBInstanceClass": "db.t4g.micro"}
    alone = spent(("AWS::RDS::DBInstance", facts))
    double = spent(("AWS::RDS::DBInstance", {**facts, "MultiAZ": True}))
    assert alone == {"Postgres (RDS)": pytest.approx(730 * 0.016 + 20 * 0.115)}
    assert double["Postgres (RDS)"] == pytest.approx(2 * alone["Postgres (RDS)"])


def test_a_schedule_calls_its_function_all_month() -> None:
    function = ("AWS::Lambda::Function", {"MemorySize": 512})
    rule = (
        "AWS::Events::Rule",
        {
            "ScheduleExpression": "rate(1 minute)",
            "Targets": [{"Arn": {"Fn::GetAtt": ["R0", "Arn"]}}],
        },
    )
    calls = 730 * 60
    expected = calls * 2e-7 + calls * 0.1 * 0.5 * 0.0000133334
    assert spent(function, rule)["Functions (Lambda)"] == pytest.approx(expected, abs=1e-3)
    other = ("AWS::Events::Rule", {**rule[1], "Targets": [{"Arn": "other"}]})
    assert "Functions (Lambda)" not in spent(function, other)


def test_a_service_costs_nothing_where_nobody_works() -> None:
    task = ("AWS::ECS::TaskDefinition", {"Cpu": "1024", "Memory": "4096"})
    service = ("AWS::ECS::Service", {})

    def target(fewest: int) -> tuple[str, dict[str, Any]]:
        return ("AWS::ApplicationAutoScaling::ScalableTarget", {"MinCapacity": fewest})

    item = "Browser workers (Fargate)"
    image = USAGE.assume("image_gb") * 0.10
    hour = 0.03238 + 4 * 0.00356
    assert spent(task, service, target(0))[item] == pytest.approx(image)
    assert spent(task, service, target(1))[item] == pytest.approx(image + 730 * hour)
    busy = Volume(sends=36_000)
    assert spent(task, service, target(0), volume=busy)[item] == pytest.approx(image + 10 * hour)


def test_an_alarm_costs_as_many_metrics_as_it_looks_at() -> None:
    item = "Metrics, alarms, traces"
    assert spent(("AWS::CloudWatch::Alarm", {"MetricName": "x"}))[item] == pytest.approx(0.1)
    two = {"Metrics": [{"Id": "r", "Expression": "a/b"}, {"MetricStat": {}}, {"MetricStat": {}}]}
    assert spent(("AWS::CloudWatch::Alarm", two))[item] == pytest.approx(0.2)


@given(
    columns=st.dictionaries(
        st.sampled_from(["a", "b"]),
        st.dictionaries(st.sampled_from("xyz"), st.floats(0, 10_000)),
        min_size=1,
    )
)
def test_the_last_row_is_the_sum_of_what_stands_above_it(
    columns: dict[str, dict[str, float]],
) -> None:
    lines = table.render(columns, PRICES).splitlines()[2:]
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]
    for number, name in enumerate(columns, 1):
        figures = [float(row[number].replace(",", "")) for row in rows]
        assert sum(figures[:-1]) == pytest.approx(figures[-1], abs=0.005)
        assert table.total(columns[name]) == pytest.approx(figures[-1], abs=0.005)


def test_the_table_replaces_what_stands_between_the_marks() -> None:
    document = f"before\n{table.BEGIN}\nold\n{table.END}\nafter"
    once = table.replaced(document, "new")
    assert once == f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter"
    assert table.replaced(once, "new") == once
    with pytest.raises(ValueError, match="needs"):
        table.replaced("no marks", "new")


def test_transitions_are_counted_along_the_way_that_succeeds() -> None:
    definition = {
        "StartAt": "a",
        "States": {
            "a": {"Type": "Task", "Next": "b", "Catch": [{"Next": "c"}]},
            "b": {"Type": "Wait", "Next": "d"},
            "c": {"Type": "Fail"},
            "d": {"Type": "Succeed"},
        },
    }
    assert transitions(definition) == 3
    text = json.dumps(definition)
    joined = {"Fn::Join": ["", [text[:9], text[9:], ""]]}
    assert definition_of(_machine(joined)["Properties"]) == definition


def test_a_way_that_depends_on_data_is_not_guessed() -> None:
    for states in (
        {"a": {"Type": "Choice"}},
        {"a": {"Type": "Task", "Next": "a"}},
    ):
        with pytest.raises(ValueError, match=r"circles|Choice"):
            transitions({"StartAt": "a", "States": states})


def _machine(text: object) -> dict[str, Any]:
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": text}}


def test_nothing_is_both_priced_and_free() -> None:
    for kind in RULES:
        (resource,) = month((kind, {})).resources
        assert not is_free(resource)
