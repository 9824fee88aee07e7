"""The team looks at the inbox, reads, answers and decides about drafts until the evening ends."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chaos.evening.people import Person, Routine
from local.api_client import ApiError

INBOX = "/api/crm/conversations"
_THINKS = (0.8, 3.0)
_SORTS = ("newest", "to_answer", "value")
# Answers that another try does not change and that are right: somebody was quicker.
_TOO_LATE = (404, 409)


@dataclass
class Reply:
    """What a member ordered to be said.

    Args:
        key: Of the request, the same however often it was asked.
        send_ids: As the API answered; none: nobody ever answered.
    """

    key: str
    creator_id: str
    fan: str
    text: str
    ordered_at: datetime
    send_ids: list[str] = field(default_factory=list)
    refusal: str | None = None


class Member(Routine):
    """One member at work.

    Args:
        name: Of the thread.
        person: Who.
        creators: Whom they see.
        seed: Of all that they do.
        syncs: Whether they may order a sync: owners do.
    """

    def __init__(
        self, name: str, person: Person, creators: list[str], seed: int, *, syncs: bool
    ) -> None:
        super().__init__(name, self._work)
        self._person = person
        self._creators = creators
        self._may_sync = syncs
        self._dice = random.Random(f"{name}:{seed}")
        self._user_id: str | None = None
        self.replies: list[Reply] = []
        self.did: Counter[str] = Counter()

    def _work(self) -> None:
        creator = self._dice.choice(self._creators)
        page = self._look(creator)
        acts = (self._reply, self._decide, self._read, self._assign)
        act = self._dice.choices(acts, (6, 10, 6, 2))[0] if page else self._sync
        try:
            act(creator, page)
        except ApiError as refusal:
            if refusal.status not in _TOO_LATE:
                raise
            self.did[f"{act.__name__.strip('_')}: too late"] += 1
        self.pause(self._dice.uniform(*_THINKS))

    def _look(self, creator: str) -> list[dict[str, Any]]:
        """Read a page of the inbox, and often the next."""
        query = {"creator_id": creator, "sort": self._dice.choice(_SORTS), "limit": 50}
        if query["sort"] == "newest" and self._dice.random() < 0.3:
            query["state"] = "open"
        page = self._person.get(INBOX, **query)
        self.did["looks"] += 1
        items: list[dict[str, Any]] = page["items"]
        if page["next_cursor"] and self._dice.random() < 0.3:
            items += self._person.get(INBOX, cursor=page["next_cursor"], **query)["items"]
            self.did["looks"] += 1
        return items

    def _read(self, _creator: str, page: list[dict[str, Any]]) -> None:
        if page:
            self._thread(self._dice.choice(page))

    def _thread(self, conversation: dict[str, Any]) -> list[dict[str, Any]]:
        thread = self._person.get(f"{INBOX}/{conversation['id']}/messages")
        self.did["reads"] += 1
        items: list[dict[str, Any]] = thread["items"]
        return items

    def _reply(self, creator: str, page: list[dict[str, Any]]) -> None:
        open_ones = [one for one in page if one["state"] == "open"]
        if not open_ones:
            return
        conversation = self._dice.choice(open_ones)
        seen = self._thread(conversation)
        number = f"{self.name} {len(self.replies) + 1}"
        reply = Reply(
            key=f"{self.name}-{self._dice.getrandbits(64):x}",
            creator_id=creator,
            fan=conversation["fan"]["handle"],
            text=f"Let me see, lovely. Yours ({number})",
            ordered_at=datetime.now(UTC),
        )
        body: dict[str, Any] = {"message": reply.text}
        if seen and self._dice.random() < 0.3:
            body["message_id"] = seen[0]["id"]
        self.replies.append(reply)
        path = f"{INBOX}/{conversation['id']}/messages"
        try:
            # A nervous finger: the same request twice is one message.
            for _ in range(2 if self._dice.random() < 0.1 else 1):
                answer = self._person.post(path, body, key=reply.key)
                reply.send_ids.append(answer["send"]["id"])
        except ApiError as refusal:
            reply.refusal = f"{refusal.status} {refusal.error}"
            raise

    def _decide(self, creator: str, _page: list[dict[str, Any]]) -> None:
        drafts = self._person.get("/api/chatbot/drafts", creator_id=creator, state="pending")
        if not drafts["items"]:
            return
        # The newest: most of the others are about a conversation that has moved on.
        draft = self._dice.choice(drafts["items"][:10])
        path = f"/api/chatbot/drafts/{draft['id']}"
        kind = self._dice.choices(("approve", "edit", "reject"), (6, 2, 1))[0]
        body = {"text": f"{draft['text']} Tell me soon."} if kind == "edit" else {}
        # Time passes between reading and deciding; meanwhile the fan may write.
        self.pause(self._dice.uniform(0, 1.5))
        self._person.post(f"{path}/{kind}", body, key=f"{kind}-{draft['id']}")
        self.did[kind] += 1

    def _assign(self, _creator: str, page: list[dict[str, Any]]) -> None:
        if page:
            self._user_id = self._user_id or self._person.get("/api/auth/me")["user"]["id"]
            conversation = self._dice.choice(page)
            self._person.patch(f"{INBOX}/{conversation['id']}", {"assigned_to": self._user_id})
            self.did["assignments"] += 1

    def _sync(self, creator: str, _page: list[dict[str, Any]]) -> None:
        """Press the button with the two arrows, as whoever sees an empty inbox does."""
        if not self._may_sync:
            return
        self._person.post("/api/of/sync", {"creator_id": creator})
        self.did["syncs"] += 1
