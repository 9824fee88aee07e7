"""The demo: a campaign from a file to the fans' chats, through the public HTTP API only.

A fresh creator gets the fans of a file, connects to the fan platform, and sends one campaign; then
the ledger and the platform's truth are compared message by message.
"""

import argparse
import json
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local import endpoints
from local.api_client import ApiClient, ApiError
from local.demo_fans import (
    SUPPRESSED,
    UNMATCHED,
    invented_fans_file,
    platform_fans,
)
from local.fan_platform.client import FanPlatform
from local.imports import import_file
from local.mailbox import Mailbox
from local.processes import LocalCloudError, write_atomically
from local.settings import LocalSettings

EMAIL = "demo@huntaze.test"
# Of a cloud that lives and dies on this machine.
PASSWORD = "a campaign for every fan"  # noqa: S105
FASTEST = 600
DEFAULT_MESSAGE = (
    "Hey {display_name|there} 💛 the new set is up. Tell me which look you want to see next!"
)
HOLDOUT_PERCENT = "5"
_PATIENCE_SECONDS = 60

console = Console(highlight=False)


@dataclass(frozen=True)
class DemoOrder:
    """What to send to whom, how fast.

    Args:
        fans: A file of fans, or None for the invented ones with exclusions and holdout.
        transactions: A file of transactions.
        message: The text of the campaign.
        rate: Messages a minute.
        min_gap: Seconds between two.
    """

    fans: Path | None
    transactions: Path | None
    message: str
    rate: int
    min_gap: float


class Demo:
    """One run of the demo on one local cloud."""

    def __init__(self, found: dict[str, Any], order: DemoOrder) -> None:
        self._api = ApiClient(found["api_url"])
        self._platform = FanPlatform(found["fan_platform_url"])
        self._mailbox = Mailbox(found["aws_endpoint_url"])
        self._order = order
        self._account: dict[str, Any] = {}

    def run(self) -> tuple[dict[str, Any], list[str]]:
        """Run it.

        Returns:
            The figures of ``demo.json``, and what disagrees between ledger and truth.
        """
        try:
            return self._run()
        finally:
            self._api.close()
            self._platform.close()

    def _run(self) -> tuple[dict[str, Any], list[str]]:
        started = time.monotonic()
        self._log_in()
        creator_id = self._make_creator()
        self._import(creator_id)
        self._connect(creator_id)
        campaign_id = self._campaign(creator_id)
        metrics = self._deliver(campaign_id)
        differences, truth = self._compare(creator_id, campaign_id)
        figures = {
            "workspace_id": self._account["workspace"]["id"],
            "creator_id": creator_id,
            "campaign_id": campaign_id,
            "planned": metrics["audience"],
            **{name: metrics[name] for name in ("sent", "skipped", "held_out")},
            **{name: metrics[name] for name in ("not_sent", "unknown", "cancelled")},
            "truth_messages": truth,
            "seconds": round(time.monotonic() - started, 1),
        }
        return figures, differences

    def _log_in(self) -> None:
        person = {"email": EMAIL, "password": PASSWORD}
        try:
            self._account = self._api.post("/api/auth/login", person)
        except ApiError:
            self._account = self._api.post(
                "/api/auth/register", {**person, "name": "Demo", "workspace_name": "Demo agency"}
            )
        self._api.log_in_with(self._account["access_token"])
        say("logged in", EMAIL)
        if not self._account["user"]["email_verified"]:
            self._verify()

    def _verify(self) -> None:
        """Follow the link of the mail, as a person does before connecting a creator."""
        before = len(self._mailbox.messages(EMAIL))
        self._api.post("/api/auth/resend-verification", {"email": EMAIL})
        self._api.post(
            "/api/auth/verify-email", {"token": self._mailbox.token(EMAIL, after=before)}
        )
        say("verified", "the address, with the link of a mail")

    def _make_creator(self) -> str:
        handle = f"demo-{int(time.time() * 1000):x}"
        creator = self._api.post(
            "/api/management/creators",
            {
                "platform": "fan_platform",
                "handle": handle,
                "display_name": "Demo creator",
                "messages_per_minute": self._order.rate,
                "min_gap_ms": round(self._order.min_gap * 1000),
            },
        )
        creator_id = str(creator["id"])
        # The platform knows the creator by the same id, so that the truth is easy to ask for.
        self._platform.add_creator(creator_id, handle, PASSWORD)
        self._username = handle
        say("made a creator", handle)
        return creator_id

    def _import(self, creator_id: str) -> None:
        with ExitStack() as files:
            path = self._order.fans or files.enter_context(invented_fans_file())
            fans = platform_fans(_text(path))
            for start in range(0, len(fans), 5000):
                self._platform.add_fans(creator_id, fans[start : start + 5000])
            report = import_file(self._api, "fans", creator_id, path)
        say(
            "imported fans",
            f"{report['rows_read']} rows, {report['rows_created']} new,"
            f" {report['rows_rejected']} rejected",
        )
        for row in report["rejected"][:5]:
            say("", f"line {row['line']}: {row['reason']}")
        if self._order.transactions is not None:
            report = import_file(self._api, "transactions", creator_id, self._order.transactions)
            say("imported transactions", f"{report['rows_created']} new")
        if self._order.fans is None:
            self._make_exclusions(creator_id)

    def _make_exclusions(self, creator_id: str) -> None:
        """Some fans asked for silence, some are not known to the platform."""
        page = self._api.get("/api/crm/fans", creator_id=creator_id, limit=SUPPRESSED)
        for fan in page["items"]:
            self._api.post(f"/api/crm/fans/{fan['id']}/suppress", {})
        for number in range(UNMATCHED):
            self._api.post(
                "/api/crm/fans", {"creator_id": creator_id, "handle": f"met-in-person-{number}"}
            )
        say("excluded", f"{SUPPRESSED} suppressed, {UNMATCHED} unmatched, some without consent")

    def _connect(self, creator_id: str) -> None:
        self._api.post(
            "/api/of/connect",
            {
                "creator_id": creator_id,
                "username": self._username,
                "password": PASSWORD,
                "consent": True,
            },
        )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            status = self._api.get("/api/of/status", creator_id=creator_id)
            if status["status"] == "active":
                break
            last = status["last_order"] or {}
            if last.get("state") == "failed" or time.monotonic() > deadline:
                raise LocalCloudError(
                    f"The creator could not be connected ({last.get('result')}):"
                    " see worker.log in the log folder."
                )
            time.sleep(0.3)
        say("connected", "a browser is logged in on the fan platform")

    def _campaign(self, creator_id: str) -> str:
        body: dict[str, Any] = {
            "creator_id": creator_id,
            "name": f"Demo {self._username}",
            "message": self._order.message,
        }
        if self._order.fans is None:
            segment = self._api.post(
                "/api/marketing/segments",
                {
                    "creator_id": creator_id,
                    "name": "Everyone who is or was here",
                    "rules": {
                        "kind": "text",
                        "field": "status",
                        "values": ["active", "expired", "follower"],
                    },
                },
            )
            body |= {"segment_id": segment["id"], "holdout_percent": HOLDOUT_PERCENT}
        campaign = self._api.post("/api/marketing/campaigns", body)
        path = f"/api/marketing/campaigns/{campaign['id']}"
        dry = self._api.post(f"{path}/dry-run")
        say(
            "dry run",
            f"{dry['planned']} to send, {dry['held_out']} held out,"
            f" excluded {dry['excluded']}, about {dry['eta_seconds']} s",
        )
        self._api.post(f"{path}/launch")
        self._await(path, {"awaiting_approval"})
        self._api.post(f"{path}/approve", {"version": campaign["version"]})
        say("approved", "the state machine goes on")
        return str(campaign["id"])

    def _await(self, path: str, wanted: set[str]) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            campaign: dict[str, Any] = self._api.get(path)
            if campaign["status"] in wanted:
                return campaign
            if campaign["status"] in ("failed", "cancelled") or time.monotonic() > deadline:
                raise LocalCloudError(
                    f"The campaign is {campaign['status']}, not {' or '.join(wanted)}:"
                    f" {campaign['failure'] or 'see the log folder'}."
                )
            time.sleep(0.3)

    def _deliver(self, campaign_id: str) -> dict[str, Any]:
        """Wait for the end, which is near as long as messages are settled."""
        path = f"/api/marketing/campaigns/{campaign_id}"
        last_left, moved_at = -1, time.monotonic()
        with console.status("sending") as progress:
            while True:
                metrics: dict[str, Any] = self._api.get(f"{path}/metrics")
                left = metrics["planned"] + metrics["submitting"]
                if left != last_left:
                    last_left, moved_at = left, time.monotonic()
                progress.update(f"sending: {metrics['sent']} sent, {left} to go")
                campaign = self._api.get(path)
                status = campaign["status"]
                if status == "completed":
                    say("completed", f"{metrics['sent']} sent")
                    return dict(self._api.get(f"{path}/metrics"))
                stuck = time.monotonic() - moved_at > 3 * _PATIENCE_SECONDS
                if stuck or status in ("failed", "cancelled"):
                    raise LocalCloudError(
                        f"The campaign is {status} with {left} messages to go:"
                        f" {campaign['failure'] or 'see the log folder'}."
                    )
                time.sleep(1)

    def _compare(self, creator_id: str, campaign_id: str) -> tuple[list[str], int]:
        """Every sent row is one message of the platform's, with the same text; and none more."""
        handles = {
            str(fan["id"]): str(fan["platform_id"])
            for fan in self._api.pages("/api/crm/fans", creator_id=creator_id)
        }
        sent: Counter[tuple[str, str, int]] = Counter(
            (handles[row["fan_id"]], row["text"], row["price_cents"])
            for row in self._api.pages(
                f"/api/marketing/campaigns/{campaign_id}/recipients", state="sent"
            )
        )
        messages = self._platform.messages(creator_id)
        truth = Counter((m["fan"], m["text"], m["price_cents"]) for m in messages)
        differences = [
            f"{fan}: the ledger says {sent[key]}, the platform {truth[key]}"
            for key in sorted(set(sent) | set(truth))
            if sent[key] != truth[key]
            for fan in [key[0]]
        ]
        return differences, len(messages)


def say(what: str, detail: str) -> None:
    """Print one line of progress."""
    console.print(f"  {what:<22}{detail}")


def show(figures: dict[str, Any], differences: list[str]) -> None:
    """Print the summary."""
    table = Table(title="One campaign, from the file to the chats")
    table.add_column("")
    table.add_column("messages", justify="right")
    table.add_row("in the audience", str(figures["planned"]))
    for name in ("sent", "held_out", "not_sent", "unknown", "cancelled"):
        table.add_row(name.replace("_", " "), str(figures[name]))
    for reason, rows in sorted(figures["skipped"].items()):
        table.add_row(f"skipped: {reason.replace('_', ' ')}", str(rows))
    table.add_section()
    table.add_row("accepted by the platform", str(figures["truth_messages"]))
    table.add_row("differences", str(len(differences)))
    console.print(table)
    for line in differences[:20]:
        console.print(f"  [red]{line}[/red]")


def adds_up(figures: dict[str, Any]) -> bool:
    """Whether every fan of the audience came out in exactly one way."""
    parts = ("sent", "held_out", "not_sent", "unknown", "cancelled")
    outcomes = sum(figures["skipped"].values()) + sum(figures[part] for part in parts)
    return bool(figures["planned"] == outcomes)


def main() -> int:
    """Run the demo on the local cloud that is up; return 0 if ledger and truth agree."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--fans", type=Path, help="a file of fans, CSV or JSON lines")
    parser.add_argument("--transactions", type=Path, help="a file of transactions")
    parser.add_argument("--message", default=DEFAULT_MESSAGE)
    parser.add_argument("--rate", type=int, default=FASTEST, help="messages a minute")
    parser.add_argument("--min-gap", type=float, default=0, help="seconds between two messages")
    arguments = parser.parse_args()
    try:
        settings = LocalSettings.from_environment()
        found = _running_cloud(settings)
        order = DemoOrder(
            fans=arguments.fans,
            transactions=arguments.transactions,
            message=arguments.message,
            rate=arguments.rate,
            min_gap=arguments.min_gap,
        )
        figures, differences = Demo(found, order).run()
    except (LocalCloudError, ApiError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    write_atomically(settings.data_dir / "demo.json", json.dumps(figures, indent=2) + "\n")
    endpoints.update(
        settings.data_dir,
        demo={
            "email": EMAIL,
            "password": PASSWORD,
            "workspace_id": figures["workspace_id"],
            "creator_id": figures["creator_id"],
        },
    )
    show(figures, differences)
    return 0 if not differences and adds_up(figures) else 1


def _running_cloud(settings: LocalSettings) -> dict[str, Any]:
    found = endpoints.read(settings.data_dir)
    if not found.get("api_url"):
        raise LocalCloudError("The local cloud is not up: `make run` first.")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LocalCloudError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise LocalCloudError(f"{path} is not UTF-8: save it as CSV UTF-8.") from None


if __name__ == "__main__":
    sys.exit(main())
