"""What operators hear of: every alarm has somebody to tell, a page to read, a figure to watch."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huntaze import metrics

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
OPERATORS = "-operators"
# A budget is no alarm and has no description: its name names its page.
OF_BUDGETS = {"monthly-budget"}


@pytest.fixture(scope="session")
def alarms(assembly):
    """Properties of every alarm of the stage, by name."""
    found = {}
    for kind, name in (
        ("AWS::CloudWatch::Alarm", "AlarmName"),
        ("AWS::CloudWatch::CompositeAlarm", "AlarmName"),
    ):
        for alarm in assembly.of_kind(kind):
            # The scaling of a service watches a figure, too, but wakes nobody.
            if OPERATORS in json.dumps(alarm.properties.get("AlarmActions", OPERATORS)):
                found[alarm.properties[name]] = alarm.properties
    return found


def _page(alarm: dict[str, Any]) -> str:
    found = re.search(r"Runbook: docs/runbooks/([a-z-]+)\.md$", alarm["AlarmDescription"])
    assert found, alarm["AlarmDescription"]
    return found[1]


def test_every_alarm_has_a_page_and_every_page_an_alarm(production):
    pages = {
        _page(alarm.properties)
        for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for alarm in production.of_kind(kind)
        if "Runbook" in alarm.properties.get("AlarmDescription", "")
    }
    written = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages | OF_BUDGETS == written


def test_every_page_says_what_to_do_and_is_in_the_index():
    index = (RUNBOOKS / "README.md").read_text()
    for page in RUNBOOKS.glob("*.md"):
        if page.stem != "README":
            text = page.read_text()
            assert len(text) > 500, page.stem
            assert "```" in text or "`" in text, f"{page.stem} names no command"
            assert f"({page.name})" in index, page.stem


def test_pages_link_to_pages_that_are_there():
    for page in RUNBOOKS.glob("*.md"):
        for target in re.findall(r"\]\(([a-z-]+\.md)\)", page.read_text()):
            assert (RUNBOOKS / target).is_file(), f"{page.name} -> {target}"


def test_every_alarm_tells_the_operators_or_is_part_of_one_that_does(alarms):
    rules = " ".join(json.dumps(alarm.get("AlarmRule", "")) for alarm in alarms.values())
    for name, alarm in alarms.items():
        if "AlarmActions" in alarm:
            assert alarm["OKActions"] == alarm["AlarmActions"], name
            assert OPERATORS in json.dumps(alarm["AlarmActions"])
        else:
            assert "burn-" in name, name
            assert "Alarms" in rules


def test_names_say_the_stage_and_no_two_are_the_same(assembly, alarms):
    of_operators = [
        one
        for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for one in assembly.of_kind(kind)
        if "Runbook" in one.properties.get("AlarmDescription", "")
    ]
    assert len(of_operators) == len(alarms)
    for name in alarms:
        assert re.fullmatch(r"huntaze-(local|dev|production)-[a-z0-9._-]+", name), name


def test_silence_is_judged_on_purpose(alarms):
    for name, alarm in alarms.items():
        if "AlarmRule" not in alarm:
            assert alarm["TreatMissingData"] in ("notBreaching", "breaching"), name


def _own(facts: dict[str, Any]) -> tuple[str, str, frozenset[str]] | None:
    if not facts.get("Namespace", "").startswith("Huntaze/"):
        return None
    dimensions = frozenset(one["Name"] for one in facts.get("Dimensions", []))
    return facts["Namespace"], facts["MetricName"], dimensions


DECLARED = {(one.namespace, one.name, frozenset(one.dimensions)) for one in metrics.ALL}


def test_alarms_watch_figures_that_are_published(alarms):
    watched = {figure for alarm in alarms.values() if (figure := _own(alarm))}
    assert watched
    assert watched <= DECLARED


@pytest.mark.parametrize("stage", ["local", "production"])
def test_dashboards_show_figures_that_are_published(stage, request, rendered):
    shown = set()
    dashboards = request.getfixturevalue(stage).of_kind("AWS::CloudWatch::Dashboard")
    for dashboard in dashboards:
        body = rendered(dashboard.properties["DashboardBody"])
        for widget in json.loads(body.replace("known-at-deploy", "us-east-1"))["widgets"]:
            shown |= set(_figures_of(widget["properties"]["metrics"]))
    names = {name for _, name, _ in shown}
    assert names >= {"OutboxLag", "Deliveries", "DriftedFans"}
    assert shown <= DECLARED


def _figures_of(entries: list[list[Any]]) -> Iterator[tuple[str, str, frozenset[str]]]:
    for entry in entries:
        if isinstance(entry[0], dict):
            search = re.search(
                r"\{(Huntaze/\w+)(?:,([\w,]+))?\} MetricName=\"(\w+)\"", entry[0]["expression"]
            )
            if search:
                yield search[1], search[3], frozenset((search[2] or "").split(",")) - {""}
        elif entry[0].startswith("Huntaze/"):
            texts = [part for part in entry[2:] if isinstance(part, str)]
            yield entry[0], entry[1], frozenset(texts[::2])


def test_every_declared_figure_is_published_by_somebody():
    """A name that only alarms know would be silent for ever."""
    declared = {
        target.id
        for node in ast.parse(Path(metrics.__file__).read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
    } & {name for name in vars(metrics) if isinstance(getattr(metrics, name), metrics.Metric)}
    sources = [
        path.read_text()
        for folder in ("functions", "containers", "layers/common")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(metrics.__file__)
    ]
    assert declared
    for name in declared:
        assert any(re.search(rf"record\(\s*(metrics\.)?{name}\b", text) for text in sources), name


def test_no_figure_is_told_apart_by_a_person():
    for one in metrics.ALL:
        assert not set(one.dimensions) & {"creator_id", "fan_id", "workspace_id", "user_id"}


def _watched_queues(stage: Any) -> set[str]:
    return {
        dimension["Value"]
        for alarm in stage.of_kind("AWS::CloudWatch::Alarm")
        for dimension in alarm.properties.get("Dimensions", [])
        if dimension["Name"] == "QueueName"
    }


@pytest.mark.parametrize("stage", ["local", "production"])
def test_every_queue_is_watched_where_many_work(stage, request):
    stage = request.getfixturevalue(stage)
    names = {queue.properties["QueueName"] for queue in stage.of_kind("AWS::SQS::Queue")}
    # A wake-up lives as long as its lane has work.
    assert names - _watched_queues(stage) == {"huntaze-rate-limiter-queue.fifo"}


def test_where_few_work_dead_letters_are_watched_of_which_nothing_else_tells(dev):
    """A consumer that gives single messages back does not fail as a function."""
    consumed = [
        json.dumps(mapping.properties["EventSourceArn"])
        for mapping in dev.of_kind("AWS::Lambda::EventSourceMapping")
        if "ReportBatchItemFailures" in mapping.properties.get("FunctionResponseTypes", [])
    ]
    names = {
        queue.properties["QueueName"]
        for queue in dev.of_kind("AWS::SQS::Queue")
        if any(queue.logical_id in source for source in consumed)
    }
    assert len(names) == len(consumed)
    assert _watched_queues(dev) == {f"{name}-dlq" for name in names}


@pytest.mark.parametrize(
    ("queue", "feature"), [("imports", "fans.imports"), ("enrichment", "uploads.runs")]
)
def test_no_queue_is_called_late_while_its_consumer_may_be_at_work(production, queue, feature):
    (late,) = (
        alarm.properties
        for alarm in production.of_kind("AWS::CloudWatch::Alarm")
        if alarm.properties.get("AlarmName", "").endswith(f"-queue-age-{queue}")
    )
    (runs,) = (
        function.properties["Timeout"]
        for function in production.of_kind("AWS::Lambda::Function")
        if function.properties.get("Handler", "").startswith(f"functions.{feature}.")
    )
    assert late["Threshold"] >= runs + 300


def test_every_function_is_watched_where_many_work(production):
    services = {
        function.properties["Environment"]["Variables"]["SERVICE"]
        for function in production.of_kind("AWS::Lambda::Function")
        if "SERVICE" in function.properties.get("Environment", {}).get("Variables", {})
    }
    watched = {
        alarm.properties["AlarmName"].partition("function-errors-")[2]
        for alarm in production.of_kind("AWS::CloudWatch::Alarm")
        if "-function-errors-" in alarm.properties.get("AlarmName", "")
    }
    assert services - watched == {"authorizer"}


def test_where_few_work_one_alarm_is_of_all_functions_and_a_further_one_costs_none(dev):
    watching = {
        alarm.properties["AlarmName"]: alarm.properties
        for alarm in dev.of_kind("AWS::CloudWatch::Alarm")
        if "AWS/Lambda" in json.dumps(alarm.properties)
    }
    assert set(watching) == {"huntaze-dev-function-errors", "huntaze-dev-function-throttles"}
    assert "Dimensions" not in watching["huntaze-dev-function-throttles"]
    whole, authorizer = (
        found["MetricStat"]["Metric"]
        for found in watching["huntaze-dev-function-errors"]["Metrics"]
        if "MetricStat" in found
    )
    assert whole == {"MetricName": "Errors", "Namespace": "AWS/Lambda"}
    # Whoever is not logged in makes it fail.
    (dimension,) = authorizer["Dimensions"]
    names = {
        one.properties["FunctionName"]
        for one in dev.of_kind("AWS::Lambda::Function")
        if one.properties["Handler"] == "functions.authorizer.handler.handler"
    }
    assert {dimension["Value"]} == names


def test_operators_are_told_by_e_mail_and_the_topic_is_sealed(production):
    (topic,) = [
        one
        for one in production.of_kind("AWS::SNS::Topic")
        if str(one.properties.get("TopicName", "")).endswith(OPERATORS)
    ]
    assert "KmsMasterKeyId" in topic.properties
    (budget,) = production.of_kind("AWS::Budgets::Budget")
    assert budget.properties["Budget"]["BudgetName"].endswith("monthly-budget")
    addresses = json.dumps(budget.properties["NotificationsWithSubscribers"])
    assert "Operators" in addresses
    subscriptions = production.of_kind("AWS::SNS::Subscription")
    mails = [one for one in subscriptions if one.properties["Protocol"] == "email"]
    told = sorted(json.dumps(mail.properties["TopicArn"]) for mail in mails)
    # Of the stage's alarms, and of workspaces' budgets.
    assert len(told) == 2
    assert "CostAlerts" in told[0]
    assert "Operators" in told[1]
    (budgets,) = [
        one
        for one in production.of_kind("AWS::SNS::Topic")
        if one.logical_id.startswith("CostAlerts")
    ]
    # AWS's own key: no key is paid for, and only the function publishes.
    assert "alias/aws/sns" in json.dumps(budgets.properties["KmsMasterKeyId"])


def test_the_promise_is_watched_over_two_windows_each(production):
    composites = {
        one.properties["AlarmName"]: json.dumps(one.properties["AlarmRule"])
        for one in production.of_kind("AWS::CloudWatch::CompositeAlarm")
    }
    assert set(composites) == {
        "huntaze-production-api-slo-fast-burn",
        "huntaze-production-api-slo-slow-burn",
    }
    for rule in composites.values():
        assert rule.count("ALARM") == 2
        assert " AND " in rule
