"""What a workspace has of what it sends: the library, campaigns, workflows and automations."""

import json
from uuid import UUID

from huntaze.db import Connection
from huntaze.ids import new_id
from tests.fakes.full_workspace.rows import Rows


def add_library(rows: Rows, connection: Connection, ids: dict[str, UUID]) -> None:
    creator = {"creator_id": rows.creator_id}
    item = {**creator, "media_id": ids["media_id"]}
    rows.add(connection, "media_tags", {**item, "tag": rows.mark})
    rows.add(connection, "media_words", {**item, "word": rows.mark})
    file = {"content_type": "image/jpeg", "bytes": 1, "objects": f'{{"original": "{rows.mark}"}}'}
    rows.add(connection, "media_files", {**item, **file, "sha256": new_id().bytes * 2})
    rows.add(connection, "media_removals", {**creator, "media_id": new_id()})
    upload = {"id": ids["upload_id"], "created_by": rows.user_id, "title": rows.mark}
    ends = {"expires_at": "2030-01-01T00:00:00Z"}
    rows.add(connection, "media_uploads", {**creator, **upload, **ends})
    spare = {**creator, "media_id": ids["spare_media_id"]}
    at = {"local_at": "2030-01-01T12:00", "time_zone": "UTC", "at": "2030-01-01T12:00:00Z"}
    entry = {"id": ids["entry_id"], "note": rows.mark}
    rows.add(connection, "content_schedule", {**spare, **at, **entry})
    plan_id = ids["plan_id"]
    rows.add(connection, "ai_plan", {**creator, "id": plan_id, "request": "{}"})
    planned = {
        "plan_id": plan_id,
        "position": 0,
        "kind": "text",
        "title": rows.mark,
        "body": rows.mark,
    }
    planned |= {"details": '{"platform": "fan_platform", "search_words": []}'}
    planned |= {"asset_id": ids["media_id"], "entry_id": ids["entry_id"]}
    rows.add(connection, "ai_plan_item", {**spare, **planned})
    (of_generation,) = connection.execute("SELECT id FROM ai_generations").fetchone() or (None,)
    draft = {"id": ids["draft_id"], "generation_id": of_generation, "kind": "post"}
    draft |= {"body": rows.mark, "platform": "fan_platform", "plan_id": plan_id}
    draft |= {"plan_position": 0}
    made = {"model": "m", "prompt_version": "v", "review": '{"approved": true, "reasons": []}'}
    rows.add(connection, "ai_drafts", {**creator, **draft, **made})


def add_campaigns(rows: Rows, ids: dict[str, UUID]) -> None:
    creator = {"creator_id": rows.creator_id}
    variants = f'[{{"label": "A", "message": "hello {rows.mark}", "weight": 1}}]'
    with rows.tenant.transaction() as connection:
        rows.add(
            connection,
            "segments",
            {
                **creator,
                "id": ids["segment_id"],
                "name": rows.mark,
                "rules": '{"kind": "everyone"}',
            },
        )
        for name in ("media_id", "spare_media_id"):
            rows.add(
                connection,
                "media",
                {
                    **creator,
                    "id": ids[name],
                    "platform_media_id": f"{name} {rows.mark}",
                    "kind": "photo",
                    "title": rows.mark,
                },
            )
        for name, status in (("campaign_id", "draft"), ("ended_campaign_id", "cancelled")):
            rows.add(
                connection,
                "campaigns",
                {
                    **creator,
                    "id": ids[name],
                    "name": rows.mark,
                    "variants": variants,
                    "status": status,
                    "segment_id": ids["segment_id"],
                    "created_by": rows.user_id,
                },
            )
        _add_workflow(rows, connection, ids["workflow_id"])
        rows.add(
            connection,
            "campaign_approvals",
            {
                **creator,
                "campaign_id": ids["ended_campaign_id"],
                "version": 1,
                "decision": "rejected",
                "content_hash": "h",
                "decided_by": rows.user_id,
            },
        )
        rows.add(connection, "creator_lanes", {**creator, "platform": "fan_platform"})
        rows.add(connection, "creator_commands", {**creator, "kind": "connect"})
        rows.add(
            connection,
            "events_outbox",
            {"aggregate_type": "x", "aggregate_id": new_id(), "event_type": "x"}
            | {"payload": "{}"},
        )


def _add_workflow(rows: Rows, connection: Connection, workflow_id: UUID) -> None:
    """A workflow under way, with what its first step has found."""
    creator = {"creator_id": rows.creator_id}
    of_models = '{"model_calls": 6, "expected_nano_usd": 1, "at_most_nano_usd": 2}'
    ordered = {"request": f'{{"goal": "{rows.mark}"}}', "forecast": of_models}
    asked = {**ordered, "id": workflow_id, "requested_by": rows.user_id}
    rows.add(connection, "workflows", {**creator, **asked})
    found = {"step": "history", "result": f'{{"found": "{rows.mark}"}}', "finished_at": "now"}
    rows.add(connection, "workflow_steps", {**creator, "workflow_id": workflow_id, **found})


def add_automation(rows: Rows, ids: dict[str, UUID]) -> None:
    """An automation that is off, a run of it, and what waits to be looked at."""
    creator = {"creator_id": rows.creator_id}
    said = {"trigger": {"kind": "tag_added", "tag": rows.mark}}
    said["steps"] = [{"id": "s", "kind": "add_tag", "tag": "given"}]
    of_rule = {**creator, "automation_id": ids["automation_id"], "version": 1}
    of_fan = {"fan_id": ids["fan_id"], "turn": rows.mark, "happened_at": "2026-01-01"}
    run_id = new_id()
    with rows.tenant.transaction() as connection:
        rule = {"id": ids["automation_id"], "name": rows.mark, "created_by": rows.user_id}
        rows.add(connection, "automations", {**creator, **rule})
        version = {"definition": json.dumps(said), "created_by": rows.user_id}
        rows.add(connection, "automation_versions", {**of_rule, **version})
        rows.add(connection, "happenings", {**creator, **of_fan, "kind": "tag_added"})
        run = {"id": run_id, "step": "s", "due_at": "2999-01-01"}
        rows.add(connection, "automation_runs", {**of_rule, **of_fan, **run})
        step = {"step": "s", "number": 1, "kind": "add_tag", "outcome": "done"}
        taken = {"run_id": run_id, **step, "reason": rows.mark}
        rows.add(connection, "automation_steps", {**creator, **taken})
