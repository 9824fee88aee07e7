"""A workspace that has something of everything: one row at least in each table of a tenant."""

import json
from collections.abc import Callable
from datetime import date
from uuid import UUID

from psycopg import sql

from huntaze.db import EVERY_MEMBER, Connection, SingleConnection, Tenant
from huntaze.domain import ai_configs, audit, profiles
from huntaze.domain.ai_configs import AiConfigDraft
from huntaze.domain.profiles import ProfileDraft
from huntaze.ids import new_id

# Stands in every text of the workspace; whoever reads it has read the workspace's data.
MARK = "of-this-workspace-alone"
_STYLE = json.dumps(
    {"length": MARK, "emoji": "rarely", "questions": "often"}
    | {"exclamations": "rarely", "begins_small": "rarely"}
)
_FIGURES = json.dumps(
    {"messages": 30, "fans": 5, "median_length": 40, "emoji_share": 0.1, "question_share": 0.5}
    | {"exclamation_share": 0.1, "offers": 0, "offers_opened": 0, "earned_cents": 0}
    | {"opened_median_length": None, "unopened_median_length": None}
)
_THINGS = (
    *("fan", "list", "segment", "media", "spare_media", "campaign", "ended_campaign", "import"),
    *("send", "recipient", "upload", "member", "plan", "draft"),
    *("invitation", "entry", "notification", "export", "erasure", "chat", "workflow"),
    "automation",
    "conversation",
    "message",
    "note",
    "quick_reply",
    *("reply", "rule"),
)


class FullWorkspace:
    """Fills a workspace.

    Args:
        connect: Opens a connection with a role.
        tenant: The workspace, as the role ``app``.
        user_id: The owner.
        creator_id: The creator that everything belongs to.
    """

    def __init__(
        self, connect: Callable[[str], Connection], tenant: Tenant, user_id: UUID, creator_id: UUID
    ) -> None:
        self._connect = connect
        self._tenant = tenant
        self._user_id = user_id
        self._creator_id = creator_id

    def fill(self) -> dict[str, str]:
        """Write the rows and return their ids by what they are of."""
        ids = {f"{name}_id": new_id() for name in _THINGS}
        ids |= {"creator_id": self._creator_id, "user_id": self._user_id, "session_id": new_id()}
        self._fans(ids)
        self._models(ids)
        self._campaign(ids)
        self._automation(ids)
        self._conversation(ids)
        self._pushes()
        with self._tenant.transaction() as connection:
            self._library(connection, ids)
        self._worker_rows(ids)
        self._chatbot(ids)
        self._session(ids["session_id"])
        self._colleague(ids["member_id"])
        self._invitation(ids["invitation_id"])
        self._reply()
        self._audit()
        self._operations(ids["fan_id"])
        self._set_up()
        self._account()
        self._data_requests(ids)
        self._notification(ids["notification_id"])
        self._chat(ids["chat_id"])
        return {name: str(value) for name, value in ids.items()}

    def _models(self, ids: dict[str, UUID]) -> None:
        """A generation with its call, and the books that it is in."""
        of_generation = new_id()
        with self._tenant.transaction() as connection:
            self._add(connection, "ai_budgets", {"updated_by": self._user_id})
            self._add(
                connection,
                "ai_generations",
                {"id": of_generation, "creator_id": self._creator_id, "task": MARK, "agent": MARK}
                | {
                    "complexity": 1,
                    "critical": False,
                    "tier": MARK,
                    "reason": MARK,
                    "hops": [MARK],
                },
            )
            of_call = {
                "id": new_id(),
                "generation_id": of_generation,
                "provider": MARK,
                "model": MARK,
            }
            moments = {"reserved_at": "2026-01-01", "leased_until": "2999-01-01"}
            self._add(connection, "ai_calls", {**of_call, **moments, "reserved_nanos": 1})
            of_day = {"period": "day", "starts_on": "2026-01-01"}
            self._add(connection, "ai_spending", {**of_day, "reserved_nanos": 1})
            self._add(connection, "ai_prefix_uses", {"prefix": MARK, "shard": 0, "uses": "{}"})
            # From here on the database itself writes down what the day cost.
            settled = {"state": "settled", "settled_at": "now", "cost_nanos": 1, "facts": "{}"}
            settled |= {"stored_at": "now"}
            again = {**of_call, **moments, "id": new_id(), "reserved_nanos": 0}
            self._add(connection, "ai_calls", {**again, **settled})
            self._add(connection, "ai_economy_tasks", {"task": MARK, "chosen_by": self._user_id})
        ids["alert_id"] = self._cost_alert()

    def _cost_alert(self) -> UUID:
        """A part of the month's limit that was crossed, on its way to a channel of Slack."""
        seen_of = {
            "thresholds": [1],
            "slack_sealed_key": MARK.encode(),
            "updated_by": self._user_id,
        }
        with self._tenant.transaction() as connection:
            self._add(connection, "ai_cost_settings", {**seen_of, "slack_sealed": MARK.encode()})
            connection.execute(
                "INSERT INTO ai_spending (workspace_id, period, starts_on, spent_nanos)"
                " VALUES (%s, 'month', usage_month(now()), 1000000000)",
                (self._tenant.workspace_id,),
            )
        self._connect("relay").execute(
            """SELECT ai_raise_alerts('{"free": 5000000000}', interval '0')"""
        )
        with self._tenant.transaction() as connection:
            found: list[tuple[UUID]] = connection.execute(
                "SELECT id FROM ai_cost_alerts"
            ).fetchall()
        return found[0][0]

    def _data_requests(self, ids: dict[str, UUID]) -> None:
        """An export that is ready, and an order that is not due."""
        of_fan = {"creator_id": self._creator_id, "fan_id": ids["fan_id"]}
        of_fan["requested_by"] = self._user_id
        with self._tenant.transaction() as connection:
            ready = {"state": "ready", **dict.fromkeys(("finished_at", "expires_at"), "2999-01-01")}
            self._add(connection, "exports", {**of_fan, **ready, "id": ids["export_id"]})
            file = {"export_id": ids["export_id"], "number": 1, "name": MARK, "sha256": bytes(32)}
            self._add(connection, "export_files", {**file, **dict.fromkeys(("lines", "bytes"), 1)})
            order = {"id": ids["erasure_id"], "kind": "fan", "begins_at": "2999-01-01"}
            self._add(connection, "erasures", {**of_fan, **order})

    def _chat(self, chat_id: UUID) -> None:
        """What the owner asked the assistant about the creator."""
        source = SingleConnection(lambda: self._connect("app"))
        own = Tenant(source, self._tenant.workspace_id, member=self._user_id)
        whose = {"user_id": self._user_id}
        about = {"creator_id": self._creator_id, "creators": [self._creator_id]}
        said = {"question": MARK, "language": "en", "status": "no_data", "answer": MARK}
        with own.transaction() as connection:
            self._add(connection, "ai_chats", {**whose, **about, "id": chat_id, "turns": 1})
            place = {"chat_id": chat_id, "position": 1, "figures": "[]"}
            self._add(
                connection, "ai_chat_turns", {**whose, **place, **said, "generation_id": new_id()}
            )

    def _account(self) -> None:
        with self._tenant.transaction() as connection:
            self._add(connection, "billing_accounts", {"stripe_customer_id": MARK})

    def _notification(self, notification_id: UUID) -> None:
        """What the owner was told, of the creator, and what they want to be told."""
        own = {"user_id": self._user_id}
        source = SingleConnection(lambda: self._connect("app"))
        everybody = Tenant(source, self._tenant.workspace_id, member=EVERY_MEMBER)
        with everybody.transaction() as connection:
            self._add(connection, "workspace_settings", {})
            self._add(connection, "notification_preferences", own)
            # A day of its own: another workspace's must not be there, too.
            period = date.fromordinal(600_000 + notification_id.int % 300_000)
            digest = {**own, "period": period}
            self._add(connection, "notification_digests", {**digest, "mail_id": new_id()})
            self._add(
                connection,
                "notifications",
                {
                    **own,
                    "id": notification_id,
                    "event_id": new_id(),
                    "kind": "creator_stopped",
                    "creator_id": self._creator_id,
                    "target_kind": "creator",
                    "target_id": self._creator_id,
                    "about": MARK,
                    "in_app": True,
                    "happened_at": "2026-01-01",
                },
            )
            live = {"event_id": new_id(), "position": 1}
            self._add(connection, "live_heads", live)
            told = {"type": "notification.created", "occurred_at": "2026-01-01", **own}
            creator = {"creator_id": self._creator_id, "data": json.dumps({"thing_id": MARK})}
            self._add(connection, "live_events", {**live, **told, **creator})

    def _fans(self, ids: dict[str, UUID]) -> None:
        creator = {"creator_id": self._creator_id}
        of_fan = {**creator, "fan_id": ids["fan_id"]}
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE creators SET display_name = %s, driver_consent_at = now() WHERE id = %s",
                (MARK, self._creator_id),
            )
            self._add(
                connection,
                "fans",
                {
                    **creator,
                    "id": ids["fan_id"],
                    "platform_id": "p",
                    "platform_key": b"k",
                    "handle": MARK,
                    "display_name": MARK,
                    "status": "active",
                },
            )
            self._add(connection, "fan_tags", {**of_fan, "tag": MARK})
            self._add(connection, "fan_lists", {**creator, "id": ids["list_id"], "name": MARK})
            self._add(connection, "fan_list_members", {**of_fan, "list_id": ids["list_id"]})
            self._add(
                connection,
                "suppressions",
                {**creator, "platform_key": new_id().bytes, "reason": "manual"},
            )
            self._add(
                connection,
                "transactions",
                {
                    **of_fan,
                    "transaction_id": MARK,
                    "type": "tip",
                    "currency": "USD",
                    **dict.fromkeys(("amount_cents", "net_cents", "effective_cents"), 100),
                    "fee_cents": 0,
                    "created_at": "2026-01-01",
                    "description": MARK,
                },
            )
            self._imports(connection, ids)

    def _library(self, connection: Connection, ids: dict[str, UUID]) -> None:
        creator = {"creator_id": self._creator_id}
        item = {**creator, "media_id": ids["media_id"]}
        self._add(connection, "media_tags", {**item, "tag": MARK})
        self._add(connection, "media_words", {**item, "word": MARK})
        file = {"content_type": "image/jpeg", "bytes": 1, "objects": f'{{"original": "{MARK}"}}'}
        self._add(connection, "media_files", {**item, **file, "sha256": new_id().bytes * 2})
        self._add(connection, "media_removals", {**creator, "media_id": new_id()})
        upload = {"id": ids["upload_id"], "created_by": self._user_id, "title": MARK}
        ends = {"expires_at": "2030-01-01T00:00:00Z"}
        self._add(connection, "media_uploads", {**creator, **upload, **ends})
        spare = {**creator, "media_id": ids["spare_media_id"]}
        at = {"local_at": "2030-01-01T12:00", "time_zone": "UTC", "at": "2030-01-01T12:00:00Z"}
        entry = {"id": ids["entry_id"], "note": MARK}
        self._add(connection, "content_schedule", {**spare, **at, **entry})
        plan_id = ids["plan_id"]
        self._add(connection, "ai_plan", {**creator, "id": plan_id, "request": "{}"})
        planned = {"plan_id": plan_id, "position": 0, "kind": "text", "title": MARK, "body": MARK}
        planned |= {"details": '{"platform": "fan_platform", "search_words": []}'}
        planned |= {"asset_id": ids["media_id"], "entry_id": ids["entry_id"]}
        self._add(connection, "ai_plan_item", {**spare, **planned})
        (of_generation,) = connection.execute("SELECT id FROM ai_generations").fetchone() or (None,)
        draft = {"id": ids["draft_id"], "generation_id": of_generation, "kind": "post"}
        draft |= {"body": MARK, "platform": "fan_platform", "plan_id": plan_id}
        draft |= {"plan_position": 0}
        made = {"model": "m", "prompt_version": "v", "review": '{"approved": true, "reasons": []}'}
        self._add(connection, "ai_drafts", {**creator, **draft, **made})

    def _imports(self, connection: Connection, ids: dict[str, UUID]) -> None:
        creator = {"creator_id": self._creator_id, "created_by": self._user_id}
        self._add(
            connection,
            "import_uploads",
            {**creator, "id": ids["upload_id"], "expires_at": "2030-01-01T00:00:00Z"},
        )
        self._add(
            connection,
            "imports",
            {
                **creator,
                "id": ids["import_id"],
                "upload_id": ids["upload_id"],
                "kind": "fans",
                "status": "running",
                "note": MARK,
            },
        )

    def _workflow(self, connection: Connection, workflow_id: UUID) -> None:
        """A workflow under way, with what its first step has found."""
        creator = {"creator_id": self._creator_id}
        of_models = '{"model_calls": 6, "expected_nano_usd": 1, "at_most_nano_usd": 2}'
        ordered = {"request": f'{{"goal": "{MARK}"}}', "forecast": of_models}
        asked = {**ordered, "id": workflow_id, "requested_by": self._user_id}
        self._add(connection, "workflows", {**creator, **asked})
        found = {"step": "history", "result": f'{{"found": "{MARK}"}}', "finished_at": "now"}
        self._add(connection, "workflow_steps", {**creator, "workflow_id": workflow_id, **found})

    def _campaign(self, ids: dict[str, UUID]) -> None:
        creator = {"creator_id": self._creator_id}
        variants = f'[{{"label": "A", "message": "hello {MARK}", "weight": 1}}]'
        with self._tenant.transaction() as connection:
            self._add(
                connection,
                "segments",
                {**creator, "id": ids["segment_id"], "name": MARK, "rules": '{"kind": "everyone"}'},
            )
            for name in ("media_id", "spare_media_id"):
                self._add(
                    connection,
                    "media",
                    {
                        **creator,
                        "id": ids[name],
                        "platform_media_id": f"{name} {MARK}",
                        "kind": "photo",
                        "title": MARK,
                    },
                )
            for name, status in (("campaign_id", "draft"), ("ended_campaign_id", "cancelled")):
                self._add(
                    connection,
                    "campaigns",
                    {
                        **creator,
                        "id": ids[name],
                        "name": MARK,
                        "variants": variants,
                        "status": status,
                        "segment_id": ids["segment_id"],
                        "created_by": self._user_id,
                    },
                )
            self._workflow(connection, ids["workflow_id"])
            self._add(
                connection,
                "campaign_approvals",
                {
                    **creator,
                    "campaign_id": ids["ended_campaign_id"],
                    "version": 1,
                    "decision": "rejected",
                    "content_hash": "h",
                    "decided_by": self._user_id,
                },
            )
            self._add(connection, "creator_lanes", {**creator, "platform": "fan_platform"})
            self._add(connection, "creator_commands", {**creator, "kind": "connect"})
            self._add(
                connection,
                "events_outbox",
                {"aggregate_type": "x", "aggregate_id": new_id(), "event_type": "x"}
                | {"payload": "{}"},
            )

    def _conversation(self, ids: dict[str, UUID]) -> None:
        """A message to a fan, with what members have put beside it."""
        of_fan = {"creator_id": self._creator_id, "fan_id": ids["fan_id"]}
        here = {"creator_id": self._creator_id, "conversation_id": ids["conversation_id"]}
        said = {"id": ids["message_id"], "platform_message_id": MARK, "direction": "out"}
        with self._tenant.transaction() as connection:
            self._add(connection, "conversations", {**of_fan, "id": ids["conversation_id"]})
            message = {**here, **of_fan, **said, "text": MARK, "sent_at": "2026-01-01"}
            self._add(connection, "messages", message)
            self._add(connection, "conversation_labels", {**here, "label": MARK})
            note = {"id": ids["note_id"], "author_id": self._user_id, "text": MARK}
            self._add(connection, "conversation_notes", {**here, **note})
            quick = {"id": ids["quick_reply_id"], "name": MARK, "text": MARK}
            quick |= {"creator_id": self._creator_id, "created_by": self._user_id}
            self._add(connection, "quick_replies", quick)

    def _chatbot(self, ids: dict[str, UUID]) -> None:
        """A draft of a reply, what is known of the fan, and what is handed over."""
        creator = {"creator_id": self._creator_id}
        of_fan = {**creator, "fan_id": ids["fan_id"]}
        here = {**of_fan, "conversation_id": ids["conversation_id"]}
        about = {"message_id": ids["message_id"]}
        by = {"activated_by": self._user_id}
        with self._tenant.transaction() as connection:
            found = connection.execute("SELECT id FROM ai_generations LIMIT 1").fetchone()
            style = {"style": _STYLE, "figures": _FIGURES, "created_by": self._user_id}
            self._add(connection, "style_profiles", {**creator, "version": 1, **style})
            switch = {**creator, **by, "active_since": "2026-01-01", "style_version": 1}
            self._add(connection, "chatbot_switches", switch)
            campaign = {"campaign_id": ids["campaign_id"]}
            self._add(connection, "chatbot_campaigns", {**creator, **campaign, **by})
            # Of one that nobody can launch: a sweep of another test does nothing with it.
            ended = {"campaign_id": ids["ended_campaign_id"]}
            self._add(connection, "campaign_launches", {**creator, **ended})
            self._add(connection, "chat_contexts", {**of_fan, "summary": MARK})
            self._add(connection, "chat_facts", {**of_fan, **about, "name": "pet", "text": MARK})
            self._add(connection, "reply_tasks", {**here, **about, "state": "done"})
            reply = {"id": ids["reply_id"], "based_on": ids["message_id"], "text": MARK}
            reply |= {"based_on_platform_id": MARK, "confidence": 80, "model": "m"}
            reply |= {"generation_id": found and found[0], "prompt_version": "chat-2"}
            self._add(connection, "reply_drafts", {**here, **reply, "review": '{"approved": true}'})
            over = {**about, "topic": "legal", "found_by": "rules"}
            self._add(connection, "chat_handovers", {**here, **over})
            rule = {"id": ids["rule_id"], "name": MARK, "text": MARK, "enabled": False}
            rule |= {"condition": '{"kind": "first_message"}', "written_by": self._user_id}
            self._add(connection, "auto_reply_rules", {**creator, **rule})
            sent = {"rule_id": ids["rule_id"], "send_id": ids["send_id"]}
            self._add(connection, "auto_replies", {**of_fan, **about, **sent})
            words = {"target_id": new_id(), "name": "draft", "text": MARK}
            words |= {"hash": "0" * 64, "salt": "0" * 64}
            self._add(connection, "approval_texts", {**of_fan, **words})

    def _pushes(self) -> None:
        """What a platform has pushed, and the secret that signs it."""
        here = {"creator_id": self._creator_id}
        sealed = {"sealed_key": MARK.encode(), "sealed": MARK.encode(), "set_by": self._user_id}
        fence = {"kind": "message", "thing": MARK.encode()}
        with self._tenant.transaction() as connection:
            self._add(connection, "platform_webhooks", {**here, **sealed})
            self._add(connection, "platform_versions", {**here, **fence})
        intake = self._connect("intake")
        intake.execute(
            "SELECT take_platform_event(%s, %s, %s, now(), %s, %s)",
            (self._creator_id, MARK, MARK, MARK, MARK),
        )

    def _automation(self, ids: dict[str, UUID]) -> None:
        """An automation that is off, a run of it, and what waits to be looked at."""
        creator = {"creator_id": self._creator_id}
        said = {"trigger": {"kind": "tag_added", "tag": MARK}}
        said["steps"] = [{"id": "s", "kind": "add_tag", "tag": "given"}]
        of_rule = {**creator, "automation_id": ids["automation_id"], "version": 1}
        of_fan = {"fan_id": ids["fan_id"], "turn": MARK, "happened_at": "2026-01-01"}
        run_id = new_id()
        with self._tenant.transaction() as connection:
            rule = {"id": ids["automation_id"], "name": MARK, "created_by": self._user_id}
            self._add(connection, "automations", {**creator, **rule})
            version = {"definition": json.dumps(said), "created_by": self._user_id}
            self._add(connection, "automation_versions", {**of_rule, **version})
            self._add(connection, "happenings", {**creator, **of_fan, "kind": "tag_added"})
            run = {"id": run_id, "step": "s", "due_at": "2999-01-01"}
            self._add(connection, "automation_runs", {**of_rule, **of_fan, **run})
            step = {"step": "s", "number": 1, "kind": "add_tag", "outcome": "done"}
            taken = {"run_id": run_id, **step, "reason": MARK}
            self._add(connection, "automation_steps", {**creator, **taken})

    def _worker_rows(self, ids: dict[str, UUID]) -> None:
        """What only a worker's work leaves behind: a message of a campaign that nobody knows of."""
        of_fan = {"creator_id": self._creator_id, "fan_id": ids["fan_id"]}
        text = {"text": MARK, "text_hash": "h", "written_by": "person"}
        with self._tenant.transaction() as connection:
            self._add(connection, "sends", {**of_fan, **text, "id": ids["send_id"], "priority": 0})
            self._add(
                connection,
                "sends",
                {
                    **of_fan,
                    **text,
                    "id": ids["recipient_id"],
                    "campaign_id": ids["ended_campaign_id"],
                    "priority": 3,
                    "state": "unknown",
                    "compliance_passed_at": "now",
                },
            )
            self._add(
                connection,
                "media_grants",
                {
                    **of_fan,
                    "media_id": ids["media_id"],
                    "send_id": ids["recipient_id"],
                    "state": "offered",
                },
            )
        worker = self._connect("worker")
        with worker.transaction():
            worker.execute(
                "SELECT set_config('app.workspace_id', %s, true)", (str(self._tenant.workspace_id),)
            )
            self._add(
                worker,
                "send_attempts",
                {
                    "creator_id": self._creator_id,
                    "send_id": ids["recipient_id"],
                    "attempt": 1,
                    "fencing_token": 1,
                    "granted_at": "now",
                },
            )

    def _session(self, session_id: UUID) -> None:
        connection = self._connect("identity")
        self._add(
            connection,
            "sessions",
            {"id": session_id, "user_id": self._user_id, "expires_at": "2999-01-01"}
            | {"user_agent": MARK},
        )

    def _colleague(self, user_id: UUID) -> None:
        """A second member, whom the first one may change."""
        connection = self._connect("identity")
        connection.execute(
            "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Colleague')",
            (user_id, f"{user_id}@example.com"),
        )
        self._add(connection, "members", {"user_id": user_id, "role": "chatter"})

    def _invitation(self, invitation_id: UUID) -> None:
        with self._tenant.transaction() as connection:
            self._add(
                connection,
                "invitations",
                {"id": invitation_id, "email": f"{MARK}@example.com", "role": "chatter"}
                | {"invited_by": self._user_id, "mailed_at": "2026-01-01"}
                | {"expires_at": "2999-01-01"},
            )

    def _operations(self, fan_id: UUID) -> None:
        """What operators leave behind: a drift and its repair, and a lane that was restored."""
        of_creator = {"creator_id": self._creator_id}
        with self._tenant.transaction() as connection:
            repair = {"ordered_by": MARK, "reason": MARK, "fans": 0, "changes": "[]"}
            self._add(connection, "money_repairs", {**of_creator, **repair})
        owner = self._connect("master")
        owner.execute("SET ROLE gatekeeper")
        moments = dict.fromkeys(("restored_to", "restored_at", "reconciled_at"), "now")
        self._add(owner, "lane_restores", {**of_creator, **moments})
        run = {"run_id": new_id()}
        counts = dict.fromkeys(("checked_fans", "drifted_fans", "drifted_cents"), 1)
        self._add(owner, "money_checks", {**run, **counts})
        drift = {**of_creator, **run, "fan_id": fan_id}
        cents = {"value_cents": 1, "booked_cents": 2, "due_cents": 2}
        self._add(owner, "money_drifts", {**drift, **cents})

    def _audit(self) -> None:
        with self._tenant.transaction() as connection:
            target = audit.Target("creator", self._creator_id)
            audit.record(connection, "creator.created", target, actor_id=self._user_id)

    def _set_up(self) -> None:
        with self._tenant.transaction() as connection:
            profiles.save(connection, self._user_id, ProfileDraft(display_name=MARK))
            config = AiConfigDraft(personality=MARK)
            ai_configs.save(connection, self._creator_id, config, by=self._user_id)
            self._add(connection, "onboardings", {"creator_id": self._creator_id})

    def _reply(self) -> None:
        with self._tenant.transaction() as connection:
            row = {"user_id": self._user_id, "route": "POST /x", "key": MARK}
            self._add(
                connection, "idempotency_keys", {**row, "request_hash": bytes(32), "reply": MARK}
            )

    def _add(self, connection: Connection, table: str, row: dict[str, object]) -> None:
        row = {"workspace_id": self._tenant.workspace_id, **row}
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(map(sql.Placeholder, row)),
            ),
            row,
        )
