"""Who takes part: owners, chatters, creators with their fans, automations, and a campaign."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from chaos.evening.cloud import Cloud
from chaos.evening.people import PASSWORD, Person
from chaos.evening.script import KEYWORD, ROLES, Role, Script
from local.fan_platform.client import FanPlatform
from local.mailbox import Mailbox

THANKS_FOR_TIP = "That tip made my evening, thank you so much!"
WELCOME = "So good to hear from you again tonight."
KEYWORD_ANSWER = "My next show is on Friday, see you there?"
CAMPAIGN = "Hi {display_name|there}, a new set is up tonight, do have a look."
DISCLOSURE = "Written with the help of AI."
# A tenth of the fans who write.
_VIP_EVERY = 10
_PATIENCE_SECONDS = 300
_WAIT_MINUTES = 1
# What a platform pushes beside its order: some of it twice, and late by so much at most.
_DUPLICATES, _LATE_SECONDS = 0.1, 1.0
# Calls at a time: each is a process of a function, and a cold one takes a second of a core.
_PUSHES_AT_ONCE = 4


@dataclass
class Creator:
    """A creator who is connected."""

    id: str
    role: Role
    fans: list[str]
    owner: Person
    workspace_id: str


@dataclass
class Automation:
    """An automation that is on, as the judge needs to know it.

    Args:
        once: A fan runs once; otherwise each time.
        text: What it sends.
    """

    id: str
    creator_id: str
    trigger: str
    once: bool
    text: str


@dataclass
class Cast:
    """Everybody.

    Args:
        owners: Of each agency.
        chatters: Members who answer, and which creators they see.
    """

    owners: list[Person]
    chatters: list[tuple[Person, list[str]]]
    creators: list[Creator]
    automations: list[Automation] = field(default_factory=list)
    campaign_id: str = ""

    def creator(self, name: str) -> Creator:
        """The creator of a role."""
        return next(one for one in self.creators if one.role.name == name)

    def close(self) -> None:
        """Everybody hangs up."""
        for person in (*self.owners, *(chatter for chatter, _ in self.chatters)):
            person.close()


class Casting:
    """Makes them all on a new cloud, over the public API.

    Args:
        cloud: Where.
        platform: The fans' side.
        script: Which fans there are.
    """

    def __init__(self, cloud: Cloud, platform: FanPlatform, script: Script) -> None:
        self._cloud = cloud
        self._platform = platform
        self._script = script
        self._mailbox = Mailbox(cloud.endpoints["aws_endpoint_url"])
        self._mark = secrets.token_hex(3)

    def cast(self) -> Cast:
        """Make everybody; the campaign waits for its launch."""
        owners = [self._owner(number) for number in range(2)]
        with ThreadPoolExecutor(len(ROLES)) as pool:
            creators = list(pool.map(lambda role: self._creator(role, owners[role.agency]), ROLES))
        first, second, _ = creators
        chatters = [
            (self._chatter("one", owners[0], [first.id]), [first.id]),
            (self._chatter("two", owners[0], [first.id, second.id]), [first.id, second.id]),
        ]
        cast = Cast(owners, chatters, creators)
        for creator in creators:
            self._assist(creator)
        cast.automations = [one for creator in creators for one in self._automate(creator)]
        return cast

    def launch(self, cast: Cast) -> None:
        """Launch the campaign to all fans of the first creator, and approve it."""
        owner, creator = cast.owners[0], cast.creators[0]
        body = {"creator_id": creator.id, "name": "Tonight", "message": CAMPAIGN}
        campaign = owner.post("/api/marketing/campaigns", body)
        path = f"/api/marketing/campaigns/{campaign['id']}"
        owner.post(f"{path}/launch")
        _until(lambda: owner.get(path)["status"] == "awaiting_approval", "the campaign's plan")
        owner.post(f"{path}/approve", {"version": campaign["version"]})
        _until(lambda: owner.get(path)["status"] == "sending", "the campaign's beginning")
        cast.campaign_id = campaign["id"]

    def push(self, cast: Cast) -> None:
        """Have the platform tell what happens, where it does."""
        for creator in cast.creators:
            if creator.role.pushed:
                secret = secrets.token_hex(24)
                body = {"creator_id": creator.id, "secret": secret}
                webhook = creator.owner.post("/api/of/webhook", body)
                self._platform.push_to(
                    creator.id,
                    self._cloud.api_url + webhook["path"],
                    secret=secret,
                    duplicates=_DUPLICATES,
                    delay_seconds=_LATE_SECONDS,
                    at_once=_PUSHES_AT_ONCE,
                )

    def _owner(self, number: int) -> Person:
        email = f"owner-{self._mark}-{number}@example.com"
        owner = Person(self._cloud.api_url, email)
        names = {"name": f"Owner {number}", "workspace_name": f"Agency {number}"}
        account = owner.post("/api/auth/register", {"email": email, "password": PASSWORD, **names})
        owner.log_in_with(account)
        owner.post("/api/auth/verify-email", {"token": self._mailbox.token(email)})
        with self._cloud.connect() as connection:
            # As after an upgrade: what evenings cost is not what plans are about.
            connection.execute(
                "UPDATE workspaces SET plan = 'agency', plan_until = NULL WHERE id = %s",
                (owner.get("/api/auth/me")["workspace"]["id"],),
            )
        return owner

    def _chatter(self, name: str, owner: Person, creators: list[str]) -> Person:
        email = f"chatter-{self._mark}-{name}@example.com"
        place = {"role": "chatter", "creator_ids": creators}
        owner.post("/api/management/members", {"email": email, **place})
        chatter = Person(self._cloud.api_url, email)
        token = self._mailbox.token(email)
        joined = chatter.post(
            "/api/auth/accept-invitation",
            {"token": token, "name": f"Chatter {name}", "password": PASSWORD},
        )
        chatter.log_in_with(joined)
        return chatter

    def _creator(self, role: Role, owner: Person) -> Creator:
        handle = f"{role.name}-{self._mark}"
        pace = {
            "messages_per_minute": role.per_minute,
            "min_gap_ms": round(role.gap.total_seconds() * 1000),
            "cap_messages": role.cap,
        }
        made = owner.post(
            "/api/management/creators", {"platform": "fan_platform", "handle": handle, **pace}
        )
        fans = self._script.fans[role.name]
        self._platform.add_creator(made["id"], handle, PASSWORD)
        self._platform.add_fans(made["id"], [{"platform_id": fan, "handle": fan} for fan in fans])
        rows = ["platform_id,handle,display_name,status,tags"]
        rows += [
            f"{fan},{fan},Robin {place},active," + ("vip" if place % _VIP_EVERY == 0 else "")
            for place, fan in enumerate(fans)
        ]
        report = owner.post(
            "/api/crm/fans/import", {"creator_id": made["id"], "content": "\n".join(rows)}
        )
        if report["rows_created"] != len(fans):
            raise RuntimeError(f"{report['rows_created']} of {len(fans)} fans were imported")
        self._connect(owner, made["id"], handle)
        workspace_id = owner.get("/api/auth/me")["workspace"]["id"]
        return Creator(made["id"], role, fans, owner, workspace_id)

    def _connect(self, owner: Person, creator_id: str, username: str) -> None:
        login = {"username": username, "password": PASSWORD, "consent": True}
        owner.post("/api/of/connect", {"creator_id": creator_id, **login})

        def is_read() -> bool:
            status = owner.get("/api/of/status", creator_id=creator_id)
            ended = [one["state"] for one in status["syncs"]]
            return status["status"] == "active" and ended == ["done"] * 3

        _until(is_read, "the first syncs of a creator")

    def _assist(self, creator: Creator) -> None:
        """Turn the chatbot on; for one creator an answer is written beforehand, too."""
        config = {
            "creator_id": creator.id,
            "personality": "Warm, short, a little playful.",
            "disclosure": DISCLOSURE,
            "auto_send": creator.role.auto_send,
        }
        creator.owner.post("/api/ai/config", config)
        creator.owner.post("/api/chatbot/activate", {"creator_id": creator.id})
        if not creator.role.pushed:
            rule = {
                "creator_id": creator.id,
                "name": "Next show",
                "condition": {"kind": "keyword", "words": [KEYWORD]},
                "text": KEYWORD_ANSWER,
            }
            creator.owner.post("/api/chatbot/auto-reply", rule)

    def _automate(self, creator: Creator) -> Iterator[Automation]:
        vip = {"kind": "tags", "match": "any", "tags": ["vip"]}
        welcome: list[dict[str, Any]] = [
            {"id": "tag", "kind": "add_tag", "tag": "wrote", "next": "known"},
            {"id": "known", "kind": "condition", "rules": vip, "then": "hello"},
            {"id": "hello", "kind": "send_message", "text": WELCOME},
        ]
        thanks: list[dict[str, Any]] = [
            {"id": "wait", "kind": "wait", "minutes": _WAIT_MINUTES, "next": "thanks"},
            {"id": "thanks", "kind": "send_message", "text": THANKS_FOR_TIP},
        ]
        for trigger, once, text, steps in (
            ("message_received", True, WELCOME, welcome),
            ("tip", False, THANKS_FOR_TIP, thanks),
        ):
            draft = {
                "creator_id": creator.id,
                "name": trigger,
                "trigger": {"kind": trigger},
                "repeat": {"kind": "once" if once else "each_time"},
                "steps": steps,
            }
            made = creator.owner.post("/api/marketing/automations", draft)
            creator.owner.post(f"/api/marketing/automations/{made['id']}/enable")
            yield Automation(made["id"], creator.id, trigger, once, text)


def _until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.5)
