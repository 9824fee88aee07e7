"""What a workspace has of models: generations and what they cost, chats, and replies to a fan."""

import json
from uuid import UUID

from huntaze.db import SingleConnection, Tenant
from huntaze.ids import new_id
from tests.fakes.full_workspace.rows import Rows

_FIGURES = json.dumps(
    {"messages": 30, "fans": 5, "median_length": 40, "emoji_share": 0.1, "question_share": 0.5}
    | {"exclamation_share": 0.1, "offers": 0, "offers_opened": 0, "earned_cents": 0}
    | {"opened_median_length": None, "unopened_median_length": None}
)


def _style(mark: str) -> str:
    return json.dumps(
        {"length": mark, "emoji": "rarely", "questions": "often"}
        | {"exclamations": "rarely", "begins_small": "rarely"}
    )


def add_generation(rows: Rows, ids: dict[str, UUID]) -> None:
    """A generation with its call, and the books that it is in."""
    of_generation = new_id()
    with rows.tenant.transaction() as connection:
        rows.add(connection, "ai_budgets", {"updated_by": rows.user_id})
        rows.add(
            connection,
            "ai_generations",
            {
                "id": of_generation,
                "creator_id": rows.creator_id,
                "task": rows.mark,
                "agent": rows.mark,
            }
            | {
                "complexity": 1,
                "critical": False,
                "tier": rows.mark,
                "reason": rows.mark,
                "hops": [rows.mark],
            },
        )
        of_call = {
            "id": new_id(),
            "generation_id": of_generation,
            "provider": rows.mark,
            "model": rows.mark,
        }
        moments = {"reserved_at": "2026-01-01", "leased_until": "2999-01-01"}
        rows.add(connection, "ai_calls", {**of_call, **moments, "reserved_nanos": 1})
        of_day = {"period": "day", "starts_on": "2026-01-01"}
        rows.add(connection, "ai_spending", {**of_day, "reserved_nanos": 1})
        rows.add(connection, "ai_prefix_uses", {"prefix": rows.mark, "shard": 0, "uses": "{}"})
        # From here on the database itself writes down what the day cost.
        settled = {"state": "settled", "settled_at": "now", "cost_nanos": 1, "facts": "{}"}
        settled |= {"stored_at": "now"}
        again = {**of_call, **moments, "id": new_id(), "reserved_nanos": 0}
        rows.add(connection, "ai_calls", {**again, **settled})
        rows.add(connection, "ai_economy_tasks", {"task": rows.mark, "chosen_by": rows.user_id})
    ids["alert_id"] = _add_cost_alert(rows)


def _add_cost_alert(rows: Rows) -> UUID:
    """A part of the month's limit that was crossed, on its way to a channel of Slack."""
    seen_of = {
        "thresholds": [1],
        "slack_sealed_key": rows.mark.encode(),
        "updated_by": rows.user_id,
    }
    with rows.tenant.transaction() as connection:
        rows.add(connection, "ai_cost_settings", {**seen_of, "slack_sealed": rows.mark.encode()})
        connection.execute(
            "INSERT INTO ai_spending (workspace_id, period, starts_on, spent_nanos)"
            " VALUES (%s, 'month', usage_month(now()), 1000000000)",
            (rows.tenant.workspace_id,),
        )
    rows.connect("relay").execute(
        """SELECT ai_raise_alerts('{"free": 5000000000}', interval '0')"""
    )
    with rows.tenant.transaction() as connection:
        found: list[tuple[UUID]] = connection.execute("SELECT id FROM ai_cost_alerts").fetchall()
    return found[0][0]


def add_chat(rows: Rows, chat_id: UUID) -> None:
    """What the owner asked the assistant about the creator."""
    source = SingleConnection(lambda: rows.connect("app"))
    own = Tenant(source, rows.tenant.workspace_id, member=rows.user_id)
    whose = {"user_id": rows.user_id}
    about = {"creator_id": rows.creator_id, "creators": [rows.creator_id]}
    said = {"question": rows.mark, "language": "en", "status": "no_data", "answer": rows.mark}
    with own.transaction() as connection:
        rows.add(connection, "ai_chats", {**whose, **about, "id": chat_id, "turns": 1})
        place = {"chat_id": chat_id, "position": 1, "figures": "[]"}
        rows.add(connection, "ai_chat_turns", {**whose, **place, **said, "generation_id": new_id()})


def add_chatbot(rows: Rows, ids: dict[str, UUID]) -> None:
    """A draft of a reply, what is known of the fan, and what is handed over."""
    creator = {"creator_id": rows.creator_id}
    of_fan = {**creator, "fan_id": ids["fan_id"]}
    here = {**of_fan, "conversation_id": ids["conversation_id"]}
    about = {"message_id": ids["message_id"]}
    by = {"activated_by": rows.user_id}
    with rows.tenant.transaction() as connection:
        found = connection.execute("SELECT id FROM ai_generations LIMIT 1").fetchone()
        style = {"style": _style(rows.mark), "figures": _FIGURES, "created_by": rows.user_id}
        rows.add(connection, "style_profiles", {**creator, "version": 1, **style})
        switch = {**creator, **by, "active_since": "2026-01-01", "style_version": 1}
        rows.add(connection, "chatbot_switches", switch)
        campaign = {"campaign_id": ids["campaign_id"]}
        rows.add(connection, "chatbot_campaigns", {**creator, **campaign, **by})
        # Of one that nobody can launch: a sweep of another test does nothing with it.
        ended = {"campaign_id": ids["ended_campaign_id"]}
        rows.add(connection, "campaign_launches", {**creator, **ended})
        rows.add(connection, "chat_contexts", {**of_fan, "summary": rows.mark})
        rows.add(connection, "chat_facts", {**of_fan, **about, "name": "pet", "text": rows.mark})
        rows.add(connection, "reply_tasks", {**here, **about, "state": "done"})
        reply = {"id": ids["reply_id"], "based_on": ids["message_id"], "text": rows.mark}
        reply |= {"based_on_platform_id": rows.mark, "confidence": 80, "model": "m"}
        reply |= {"generation_id": found and found[0], "prompt_version": "chat-2"}
        rows.add(connection, "reply_drafts", {**here, **reply, "review": '{"approved": true}'})
        over = {**about, "topic": "legal", "found_by": "rules"}
        rows.add(connection, "chat_handovers", {**here, **over})
        rule = {"id": ids["rule_id"], "name": rows.mark, "text": rows.mark, "enabled": False}
        rule |= {"condition": '{"kind": "first_message"}', "written_by": rows.user_id}
        rows.add(connection, "auto_reply_rules", {**creator, **rule})
        sent = {"rule_id": ids["rule_id"], "send_id": ids["send_id"]}
        rows.add(connection, "auto_replies", {**of_fan, **about, **sent})
        words = {"target_id": new_id(), "name": "draft", "text": rows.mark}
        words |= {"hash": "0" * 64, "salt": "0" * 64}
        rows.add(connection, "approval_texts", {**of_fan, **words})
