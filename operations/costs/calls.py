"""How often functions are called in a month: by schedules, through the API, and by campaigns."""

from collections.abc import Iterator

from operations.costs.model import Month, Resource, names
from operations.costs.workflow import transitions_of


def calls_of(resource: Resource, month: Month) -> tuple[float, float]:
    """How often a function is called in a month, and how many seconds that takes."""
    scheduled = _scheduled(resource, month)
    api = _api_share(resource, month)
    steps = month.volume.campaigns * sum(
        transitions_of(machine) for machine in _machines_that_call(resource, month)
    )
    seconds = (
        scheduled * month.assume("schedule_seconds")
        + api * month.assume("api_seconds")
        + steps * month.assume("task_seconds")
    )
    return scheduled + api + steps, seconds


def _scheduled(resource: Resource, month: Month) -> float:
    minutes = 0.0
    for rule in month.of_kind("AWS::Events::Rule"):
        schedule = rule.properties.get("ScheduleExpression")
        if schedule and names(rule.properties.get("Targets", []), resource.logical_id):
            minutes += month.assume("hours") * 60 / _period_minutes(schedule)
    return minutes


def _period_minutes(schedule: str) -> float:
    if schedule.startswith("cron("):
        # Once a day at most, as all of them are.
        return 24 * 60
    number, unit = schedule.removeprefix("rate(").removesuffix(")").split()
    return int(number) * {"minute": 1, "hour": 60, "day": 1440}[unit.removesuffix("s")]


def _api_share(resource: Resource, month: Month) -> float:
    """Every request passes the authorizer; the routed functions share the rest evenly."""
    authorizers = month.of_kind("AWS::ApiGateway::Authorizer")
    if any(names(one.properties, resource.logical_id) for one in authorizers):
        return month.volume.api_requests
    routed = month.routed_functions
    return month.volume.api_requests / len(routed) if resource.logical_id in routed else 0.0


def _machines_that_call(resource: Resource, month: Month) -> Iterator[Resource]:
    for machine in month.of_kind("AWS::StepFunctions::StateMachine"):
        if names(machine.properties, resource.logical_id):
            yield machine
