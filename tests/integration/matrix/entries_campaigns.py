"""Who may call what is about sending: the library, campaigns, workflows, automations, segments."""

from datetime import UTC, datetime, timedelta
from typing import Any

from huntaze.auth import Right
from tests.integration.matrix.entry import Body, Entry, Ids, chosen, named, under

EVERYONE = {"kind": "everyone"}


def _medium(ids: Ids) -> dict[str, Any]:
    return {
        "creator_id": ids["creator_id"],
        "platform_media_id": "new",
        "kind": "photo",
        "title": "t",
    }


def _entry(ids: Ids) -> dict[str, Any]:
    local_at = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT12:00")
    return {"media_id": ids["media_id"], "local_at": local_at, "time_zone": "Europe/Paris"}


def _campaign(ids: Ids) -> dict[str, Any]:
    return {
        **{key: ids[key] for key in ("creator_id", "segment_id")},
        "name": "n",
        "message": "hello",
        "price_cents": 500,
        "media_ids": [ids["media_id"]],
    }


def _of_creator(ids: Ids) -> dict[str, Any]:
    return {"creator_id": ids["creator_id"]}


def _about() -> Body:
    return lambda ids: {"creator_id": ids["creator_id"], "subject": "tea"}


def _automation(ids: Ids) -> dict[str, Any]:
    steps = [{"id": "s", "kind": "add_tag", "tag": "t"}]
    trigger = {"kind": "new_subscriber"}
    return {"creator_id": ids["creator_id"], "name": "n", "trigger": trigger, "steps": steps}


def _whom(ids: Ids) -> dict[str, Any]:
    return {"fan_id": ids["fan_id"]}


def _hybrid(ids: Ids) -> dict[str, Any]:
    about = {key: ids[key] for key in ("creator_id", "segment_id")}
    return {**about, "media_ids": [ids["media_id"]], "goal": "Say thank you", "price_cents": 500}


def _changes(ids: Ids) -> dict[str, Any]:
    return {"segment_id": ids["segment_id"], "media_ids": [ids["media_id"]]}


_CAMPAIGNS: dict[tuple[str, str], Entry] = {
    ("get", ""): Entry(Right.READ),
    ("post", ""): Entry(Right.WRITE_CAMPAIGNS, _campaign),
    ("get", "/templates"): Entry(Right.READ),
    ("get", "/{campaign_id}"): Entry(Right.READ),
    ("patch", "/{campaign_id}"): Entry(Right.WRITE_CAMPAIGNS, _changes),
    ("delete", "/{campaign_id}"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/{campaign_id}/dry-run"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/{campaign_id}/launch"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/{campaign_id}/approve"): Entry(Right.APPROVE, lambda _: {}, conflict=True),
    ("post", "/{campaign_id}/reject"): Entry(Right.APPROVE, lambda _: {}, conflict=True),
    ("post", "/{campaign_id}/pause"): Entry(Right.WRITE_CAMPAIGNS, conflict=True),
    ("post", "/{campaign_id}/resume"): Entry(Right.WRITE_CAMPAIGNS, conflict=True),
    ("post", "/{campaign_id}/cancel"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/{campaign_id}/unsend"): Entry(Right.APPROVE, ended=True),
    ("post", "/{campaign_id}/test-message"): Entry(
        Right.WRITE_CAMPAIGNS, lambda ids: {"fan_id": ids["fan_id"]}
    ),
    ("get", "/{campaign_id}/recipients"): Entry(Right.READ),
    ("post", "/{campaign_id}/recipients/{recipient_id}/settle"): Entry(
        Right.APPROVE, lambda _: {"decision": "assume_sent"}, ended=True
    ),
    ("get", "/{campaign_id}/metrics"): Entry(Right.READ),
    ("get", "/{campaign_id}/forecast"): Entry(Right.READ),
}
CAMPAIGNS: dict[tuple[str, str], Entry] = {
    ("get", "/api/content"): Entry(Right.READ),
    ("post", "/api/content"): Entry(Right.WRITE_CAMPAIGNS, _medium),
    ("get", "/api/content/schedule"): Entry(Right.READ),
    ("post", "/api/content/schedule"): Entry(Right.WRITE_CAMPAIGNS, _entry),
    ("delete", "/api/content/schedule/{entry_id}"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/content/uploads"): Entry(
        Right.WRITE_CAMPAIGNS, chosen(content_type="image/jpeg", title="t")
    ),
    ("get", "/api/content/uploads/{upload_id}"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/content/uploads/{upload_id}/complete"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/content/generate"): Entry(Right.WRITE_CAMPAIGNS, _about()),
    ("post", "/api/content/ideas"): Entry(Right.WRITE_CAMPAIGNS, _of_creator),
    ("post", "/api/content/captions"): Entry(Right.WRITE_CAMPAIGNS, _about()),
    ("post", "/api/content/hashtags"): Entry(Right.WRITE_CAMPAIGNS, _about()),
    ("post", "/api/content/pipelines"): Entry(Right.WRITE_CAMPAIGNS, _of_creator),
    ("get", "/api/content/pipelines/{plan_id}"): Entry(Right.READ),
    ("post", "/api/content/pipelines/{plan_id}/cancel"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/content/pipelines/{plan_id}/resume"): Entry(
        Right.WRITE_CAMPAIGNS, conflict=True
    ),
    ("post", "/api/content/drafts/{draft_id}/decide"): Entry(
        Right.WRITE_CAMPAIGNS, lambda _: {"decision": "reject"}
    ),
    ("get", "/api/content/{media_id}"): Entry(Right.READ),
    ("get", "/api/content/{media_id}/usage"): Entry(Right.READ),
    ("patch", "/api/content/{media_id}"): Entry(Right.WRITE_CAMPAIGNS, lambda _: {"title": "new"}),
    ("delete", "/api/content/{media_id}"): Entry(Right.WRITE_CAMPAIGNS),
    **under("/api/marketing/campaigns", _CAMPAIGNS),
    **under("/api/of/campaigns", _CAMPAIGNS),
    ("post", "/api/v2/campaigns/hybrid"): Entry(Right.WRITE_CAMPAIGNS, _hybrid),
    ("get", "/api/v2/campaigns/hybrid/forecast"): Entry(Right.READ),
    ("post", "/api/v2/campaigns/hybrid/{workflow_id}/resume"): Entry(
        Right.WRITE_CAMPAIGNS, conflict=True
    ),
    ("get", "/api/v2/campaigns/status"): Entry(Right.READ),
    ("get", "/api/marketing/automations"): Entry(Right.READ),
    ("post", "/api/marketing/automations"): Entry(Right.WRITE_CAMPAIGNS, _automation),
    ("get", "/api/marketing/automations/{automation_id}"): Entry(Right.READ),
    ("put", "/api/marketing/automations/{automation_id}"): Entry(
        Right.WRITE_CAMPAIGNS, _automation
    ),
    ("delete", "/api/marketing/automations/{automation_id}"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/marketing/automations/{automation_id}/enable"): Entry(Right.APPROVE),
    ("post", "/api/marketing/automations/{automation_id}/disable"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/marketing/automations/{automation_id}/test"): Entry(
        Right.WRITE_CAMPAIGNS, _whom
    ),
    ("get", "/api/marketing/automations/{automation_id}/runs"): Entry(Right.READ),
    ("get", "/api/marketing/segments"): Entry(Right.READ),
    ("post", "/api/marketing/segments"): Entry(Right.WRITE_CAMPAIGNS, named(rules=EVERYONE)),
    ("post", "/api/marketing/segments/preview"): Entry(Right.READ, chosen(rules=EVERYONE)),
    ("get", "/api/marketing/segments/{segment_id}"): Entry(Right.READ),
    ("put", "/api/marketing/segments/{segment_id}"): Entry(
        Right.WRITE_CAMPAIGNS, named(rules=EVERYONE)
    ),
    ("delete", "/api/marketing/segments/{segment_id}"): Entry(Right.WRITE_CAMPAIGNS, conflict=True),
    ("get", "/api/marketing/segments/{segment_id}/fans"): Entry(Right.READ),
}
