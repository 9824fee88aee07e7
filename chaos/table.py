"""The figures of a run, as a table and as one line."""

from collections.abc import Sequence

from chaos.scenario import Outcome

_COLUMNS = ("planned", "sent", "not sent", "unknown", "skipped", "duplicates", "losses", "seconds")
_NAME_WIDTH = 22


def header() -> str:
    """Return the line above the figures."""
    return f"{'fault':<{_NAME_WIDTH}}" + "".join(f"{name:>11}" for name in _COLUMNS)


def line(outcome: Outcome) -> str:
    """Return one scenario's figures, and below them whatever is wrong."""
    figures = "".join(f"{figure:>11}" for figure in _figures(outcome))
    text = f"{outcome.scenario.name:<{_NAME_WIDTH}}{figures}{outcome.seconds:>11.1f}"
    report = outcome.verdict.report if outcome.verdict else []
    return "\n".join(
        [
            text + _remark(outcome),
            *(f"      {one}" for one in report),
            *(f"    ! {one}" for one in outcome.problems),
        ]
    )


def _figures(outcome: Outcome) -> Sequence[int | str]:
    verdict = outcome.verdict
    if verdict is None:
        return ("-",) * (len(_COLUMNS) - 1)
    states = verdict.outcomes
    return (
        verdict.planned,
        *(states.get(name, 0) for name in ("sent", "not_sent", "unknown", "skipped")),
        *(verdict.duplicates, verdict.losses),
    )


def _remark(outcome: Outcome) -> str:
    if outcome.problems:
        return "  FAILED"
    return "  (as it must)" if outcome.scenario.must_show else ""


def summary(outcomes: Sequence[Outcome], *, seed: int, seconds: float) -> str:
    """Return the line below the figures."""
    judged = [
        one.verdict
        for one in outcomes
        if one.verdict and not one.scenario.name.startswith("control")
    ]
    failed = sum(bool(one.problems) for one in outcomes)
    return (
        f"{len(outcomes)} scenarios, {failed} failed;"
        f" {sum(one.planned for one in judged)} messages planned,"
        f" {sum(one.outcomes.get('sent', 0) for one in judged)} sent,"
        f" {sum(one.duplicates for one in judged)} duplicates,"
        f" {sum(one.losses for one in judged)} losses;"
        f" seed {seed}, {seconds:.0f} s"
    )
