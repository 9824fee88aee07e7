"""``python -m operations.operators``: who is an operator of the platform, and lifted addresses.

    python -m operations.operators list --stage dev
    python -m operations.operators grant ada@example.com --stage dev --by bob --reason "on call"
    python -m operations.operators revoke ada@example.com --stage dev --by bob --reason "left"
    python -m operations.operators readmit eve@example.com --stage dev --by bob --reason "moved"

Credentials and region come from the environment, as for the AWS CLI; IAM says who may invoke the
function behind it, and no route of the API leads there. The role is above all workspaces, counts
from the person's next request on, and is given only to an address that its owner has verified.
``readmit`` sends mails again to an address that bounced or complained once.
"""

import argparse
import json
import sys

from operations import stage
from operations.stage import STAGES, StageError

_UNKNOWN = "Nobody has verified this address; its owner logs in and follows the link first."


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the status to exit with."""
    parsed = _parser().parse_args(arguments)
    order = {"action": parsed.action}
    if parsed.action != "list":
        order |= {"email": parsed.email, "by": parsed.by, "reason": parsed.reason}
    try:
        answer = stage.invoke(parsed.stage, "OperatorGrants", order)
    except StageError as error:
        print(error, file=sys.stderr)
        return 1
    if answer.get("outcome") == "unknown":
        print(_UNKNOWN, file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=2))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m operations.operators", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="action")
    for action, text in (
        ("grant", "give the role to whoever has verified an address"),
        ("revoke", "take the role away"),
        ("readmit", "send mails again to an address that bounced or complained"),
        ("list", "tell who has it, since when, from whom and why"),
    ):
        command = commands.add_parser(action, help=text, description=text)
        command.add_argument("--stage", required=True, choices=STAGES)
        if action != "list":
            command.add_argument("email")
            command.add_argument("--by", required=True, help="who orders it; kept in the database")
            command.add_argument("--reason", required=True, help="why; kept in the database")
    return parser


if __name__ == "__main__":
    sys.exit(main())
