"""The table of roles and rights, ``docs/rights.md``: ``python -m local.rights [--check]``.

Made from :data:`huntaze.auth.RIGHTS`, which is what every request is held against.
"""

import argparse
import sys
from pathlib import Path

from huntaze.auth import RIGHTS, VERIFIED_ONLY, Right, Role

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "rights.md"
MEANINGS = {
    Right.READ: "see creators, fans, conversations, campaigns, money and figures",
    Right.WRITE_FANS: "change fans, their lists and what they are not sent",
    Right.ERASE_FANS: "erase a fan for good, which nothing takes back",
    Right.IMPORT: "bring fans and transactions in files",
    Right.REPLY: "write to a fan",
    Right.WRITE_CAMPAIGNS: "make, launch, pause and stop campaigns; segments and media",
    Right.APPROVE: "let a campaign go out, call messages back, settle doubtful ones",
    Right.CONNECT: "connect a creator's account and disconnect it",
    Right.MANAGE: "creators' settings, members, onboarding and the audit log",
    Right.BILL: "choose a plan, pay and read invoices",
    Right.INVITE: "invite people, and withdraw invitations",
    Right.GOVERN: "make, change and remove owners and managers; hand the workspace over",
}
_TEXT = """\
# Roles and rights

Made from `huntaze.auth.RIGHTS` by `python -m local.rights`; do not edit.

{table}

¹ Only once the caller's own e-mail address is verified.

**Scope.** Beside a role, a member has a scope: every creator of the workspace, or a list. Whatever
the role, policies of the database hide the rows of other creators from who works for some. An
owner's scope is every creator.

**Giving.** Nobody gives, changes or takes away a place beyond their own: who lacks `govern` manages
only members who do not `manage`, and only within their own creators. Everybody may leave. A
workspace always has an owner: the last one can neither leave nor step down.

**Ownership.** `PATCH /api/management/members/{{member_id}}` with `role: owner` adds an owner;
`POST /api/management/members/{{member_id}}/transfer-ownership` makes the member an owner and the
caller a manager, in one step.

**Operators of the platform.** `platform_operator` is no role of a workspace, and none can give it:
a command gives and takes it ([operators](operations/operators.md)). An operator whose address
is verified may call `GET /api/health/hybrid-orchestrator` and what is under `/api/admin`, and has
in each workspace the rights of their place there, and in the others none.
"""


def build() -> str:
    """Write the document."""
    lines = [
        f"| right | it lets a member | {' | '.join(Role)} |",
        f"|---|---|{'|'.join(':-:' for _ in Role)}|",
    ]
    for right in Right:
        mark = "¹" if right in VERIFIED_ONLY else ""
        cells = " | ".join("yes" if right in RIGHTS[role] else "" for role in Role)
        lines.append(f"| `{right}`{mark} | {MEANINGS[right]} | {cells} |")
    return _TEXT.format(table="\n".join(lines))


def main() -> None:
    """Write the document, or tell whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail when outdated")
    if not parser.parse_args().check:
        DOCUMENT.write_text(build())
    elif not DOCUMENT.exists() or DOCUMENT.read_text() != build():
        sys.exit("docs/rights.md is not what RIGHTS says; run: python -m local.rights")


if __name__ == "__main__":
    main()
