"""``python -m operations.restore``: what a restored database needs before anyone may send again.

The whole procedure is in docs/operations/restore-database.md. Nothing is changed without --apply.
"""

import argparse
import json
import sys
from datetime import UTC, datetime

from operations import stage
from operations.stage import STAGES, StageError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the status to exit with."""
    parsed = _parser().parse_args(arguments)
    try:
        answer = parsed.run(parsed)
    except StageError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=2))
    return 0


def _stop_executions(parsed: argparse.Namespace) -> dict[str, object]:
    """Stop what campaigns did in the time that is forgotten."""
    running = stage.running_executions(parsed.stage)
    if parsed.apply:
        for arn in running:
            stage.stop_execution(arn, "the database is restored")
    return {"running": running, "stopped": parsed.apply}


def _mark(parsed: argparse.Namespace) -> dict[str, object]:
    """Hold every lane until it is reconciled."""
    order = {"action": "restored", "moment": parsed.moment.isoformat(), "by": parsed.by}
    if not parsed.apply:
        return {"would_invoke": "Lanes", "with": order}
    return stage.invoke(parsed.stage, "Lanes", order)


def _payments(parsed: argparse.Namespace) -> dict[str, object]:
    """Give workspaces their customers at Stripe back, and let every account be looked at."""
    order = {"action": "restored", "moment": parsed.moment.isoformat()}
    if not parsed.apply:
        return {"would_invoke": "BillingSweep", "with": order}
    return stage.invoke(parsed.stage, "BillingSweep", order)


def _status(parsed: argparse.Namespace) -> dict[str, object]:
    """Tell how many lanes are still held; asking is a sweep, which does no harm."""
    return stage.invoke(parsed.stage, "Lanes", {})


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("name the zone, e.g. 2026-11-21T08:00:00Z")
    if moment > datetime.now(UTC):
        raise argparse.ArgumentTypeError("is in the future")
    return moment


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m operations.restore", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("stop-executions", _stop_executions, "stop every running campaign execution"),
        ("mark", _mark, "hold every lane until its threads are reconciled"),
        ("payments", _payments, "find what was bought in the time that is forgotten"),
        ("status", _status, "tell how many lanes are still held"),
    ):
        command = commands.add_parser(name, help=text, description=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument("--stage", required=True, choices=STAGES)
        if name != "status":
            command.add_argument("--apply", action="store_true", help="do it; else only say what")
        if name in ("mark", "payments"):
            command.add_argument(
                "--moment",
                required=True,
                type=_moment,
                help="the moment that the backup goes back to, with its zone",
            )
        if name == "mark":
            command.add_argument("--by", required=True, help="who says so; kept in the database")
    return parser


if __name__ == "__main__":
    sys.exit(main())
