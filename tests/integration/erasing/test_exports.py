"""Exports: everything is in them or named with a reason, and a killed run changes nothing."""

import gzip
import hashlib
import json
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import pytest

from functions.management import handler as management
from functions.management.exports import handler as exports
from functions.management.exports import service, tables
from functions.management.exports.gateway import S3Exports
from functions.management.exports.repository import PostgresExportRuns
from huntaze.ids import new_id
from tests.fakes.full_workspace.filling import FullWorkspace
from tests.fakes.full_workspace.rows import MARK

EXPORT = "/api/management/export"
SECRET = re.compile(r"hash|token(?!s)|secret|password|_key$|credential|fence|leased_until")


@pytest.fixture
def ids(cloud, as_role, tenant, tenant_factory):  # noqa: ARG001  (wired first)
    made = tenant_factory()
    workspace = tenant(made.workspace_id)
    things = FullWorkspace(as_role, workspace, made.user_id, made.creator_id).fill()
    return SimpleNamespace(**{**made._asdict(), "fan_id": UUID(things["fan_id"])})


@pytest.fixture
def runs(ids, tenant):
    """The exports of the workspace, as runs work at them."""
    return PostgresExportRuns(tenant(ids.workspace_id))


@pytest.fixture
def ordered(ids, ask):
    """Order an export; answers it."""

    def make(fan_id=None, **more):
        body = {} if fan_id is None else {"fan_id": str(fan_id)}
        return ask(management, ids, "POST", EXPORT, body, **more)

    return make


@pytest.fixture
def read(cloud):
    """The files of an export by name, unpacked."""

    def make(export_id):
        listed = cloud.s3.list_objects_v2(Bucket="exports")["Contents"]
        keys = [one["Key"] for one in listed if f"/{export_id}/" in one["Key"]]
        return {
            key.rpartition("/")[2]: gzip.decompress(
                cloud.s3.get_object(Bucket="exports", Key=key)["Body"].read()
            ).decode()
            for key in sorted(keys)
        }

    return make


@pytest.fixture
def tenant_columns(as_role):
    """Every column of every table of a tenant."""
    rows = (
        as_role("master")
        .execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
            " AND a.attnum > 0 AND NOT a.attisdropped AND (c.relname = 'workspaces' OR EXISTS"
            "  (SELECT FROM pg_attribute w WHERE w.attrelid = c.oid"
            "    AND w.attname = 'workspace_id' AND NOT w.attisdropped))"
        )
        .fetchall()
    )
    assert len({table for table, _ in rows}) > 35
    return set(rows)


def test_every_tenants_table_is_exported_or_named_with_a_reason(ordered, runs, tenant_columns):
    claim = runs.claim(UUID(ordered().body["id"]), service.LEASE)
    exported = {(source.name, column) for source in runs.sources(claim) for column in source.shown}
    withheld = {(table, column) for table, column in tenant_columns if table in tables.WITHHELD}
    hidden = {(table, column) for table, columns in tables.HIDDEN.items() for column in columns}
    assert tenant_columns - exported - withheld - hidden == set()
    assert exported & (withheld | hidden) == set()
    # Lists of reasons name nothing that is not there.
    assert hidden | {(table, "workspace_id") for table in tables.WITHHELD} <= tenant_columns
    people = {column for table, column in exported if table == "users"}
    assert people == {"id", "email", "name", "language"}


def test_nothing_that_looks_like_a_secret_is_exported(ordered, runs):
    claim = runs.claim(UUID(ordered().body["id"]), service.LEASE)
    suspicious = {
        (source.name, column)
        for source in runs.sources(claim)
        for column in source.shown
        if SECRET.search(column)
    }
    assert suspicious == tables.PUBLIC_HASHES


def test_every_table_that_names_a_fan_is_in_a_fans_export(tenant_columns):
    named = {table for table, column in tenant_columns if column == "fan_id"}
    assert named <= tables.OF_FAN.keys() | tables.NOT_OF_FAN.keys()


@pytest.mark.usefixtures("small_pages")
def test_exports_the_whole_workspace(cloud, ids, ordered, ask, work, read, tenant_columns):
    cloud.s3.put_object(Bucket="media", Key=f"{ids.workspace_id}/a.jpg", Body=b"picture")
    cloud.s3.put_object(Bucket="media", Key=f"{new_id()}/b.jpg", Body=b"another's")
    item = {"creator_id": {"S": str(ids.creator_id)}, "sealed": {"B": b"never"}}
    cloud.dynamodb.put_item(TableName="sessions", Item={**item, "updated_at": {"S": "2026-01-01"}})
    answer = ordered()
    assert (answer.status, answer.body["state"]) == (202, "running")
    assert ordered().body["id"] == answer.body["id"]
    assert work("exports") == ["ready", "not ours"]
    status = ask(management, ids, "GET", f"{EXPORT}/{answer.body['id']}").body
    assert status["state"] == "ready"
    files = read(answer.body["id"])
    assert len(files) == status["files"]
    by_table = {}
    for name, text in files.items():
        table = name.split("-", 1)[1].removesuffix(".jsonl.gz")
        by_table.setdefault(table, []).extend(map(json.loads, text.splitlines()))
    # The workspace of the test has a row in each table that a member can fill.
    assert len(by_table) > 25
    (fan,) = by_table["fans"]
    assert (fan["handle"], fan["id"]) == (MARK, str(ids.fan_id))
    assert "platform_key" not in fan
    # Whoever asked: the export is the whole workspace's.
    (turn,) = by_table["ai_chat_turns"]
    assert (turn["question"], turn["answer"]) == (MARK, MARK)
    assert by_table["browser_sessions"] == [
        {"creator_id": str(ids.creator_id), "updated_at": "2026-01-01"}
    ]
    assert [one["key"] for one in by_table["media_objects"]] == [f"{ids.workspace_id}/a.jpg"]
    assert len(by_table["users"]) == 2
    assert {table for table, _ in tenant_columns} >= by_table.keys() - {
        *("users", "browser_sessions", "media_objects", "manifest")
    }
    manifest = {one["name"]: one for one in by_table["manifest"]}
    assert manifest.keys() == {name for name in files if "manifest" not in name}


def test_gives_links_only_to_who_may_and_only_for_minutes(cloud, ids, ordered, ask, work):
    export = ordered().body
    path = f"{EXPORT}/{export['id']}/files"
    early = ask(management, ids, "GET", path)
    assert (early.status, early.body["error"]) == (409, "ExportNotReady")
    work("exports")
    assert ask(management, ids, "GET", path, role="manager").status == 403
    assert ordered(role="manager").status == 403
    first = ask(management, ids, "GET", path, query={"limit": "3"}).body
    rest = ask(management, ids, "GET", path, query={"cursor": first["next_cursor"]}).body
    files = first["items"] + rest["items"]
    assert len({file["name"] for file in files}) == len(files) > 3
    for file in files:
        assert re.search(r"[?&]X-Amz-Expires=300(&|$)", file["url"])
        stored = cloud.s3.get_object(
            Bucket="exports", Key=f"{ids.workspace_id}/{export['id']}/{file['name']}"
        )
        data = stored["Body"].read()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file["sha256"], file["bytes"])
        assert stored["ServerSideEncryption"] == "aws:kms"


def test_an_export_that_is_over_gives_no_links(ids, ordered, ask, work, tenant):
    path = f"{EXPORT}/{ordered().body['id']}"
    work("exports")
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "UPDATE exports SET expires_at = clock_timestamp() WHERE state = 'ready'"
        )
    over = ask(management, ids, "GET", f"{path}/files")
    assert (over.status, over.body["error"]) == (409, "ExportNotReady")
    assert ask(management, ids, "GET", path).body["state"] == "removed"


def test_tells_who_asked_by_mail_with_a_link_that_opens_nothing(as_role, ids, ordered, work):
    export = ordered().body
    work("exports")
    rows = (
        as_role("mailer")
        .execute("SELECT template, parameters FROM mails WHERE user_id = %s", (ids.user_id,))
        .fetchall()
    )
    assert rows == [("export_ready", {"export_id": export["id"]})]


def test_orders_and_openings_are_recorded(ids, ordered, ask, work, tenant):
    export = ordered().body
    work("exports")
    ask(management, ids, "GET", f"{EXPORT}/{export['id']}/files")
    with tenant(ids.workspace_id).transaction() as connection:
        rows = connection.execute(
            "SELECT action FROM audit_log WHERE target_id = %s ORDER BY sequence", (export["id"],)
        ).fetchall()
    assert rows == [("export.requested",), ("export.opened",)]


def test_a_workspace_asks_for_so_many_exports_a_day(ids, ordered, tenant, a_day_passes):
    # Beside the one that a full workspace has.
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO exports (workspace_id, requested_by, state, finished_at)"
            " SELECT %s, %s, 'ready', now() FROM generate_series(1, 48)",
            (ids.workspace_id, ids.user_id),
        )
    last = ordered()
    assert last.status == 202
    # Who asks again gets the one that is being made.
    assert ordered().body["id"] == last.body["id"]
    refused = ordered(ids.fan_id)
    assert (refused.status, refused.body["error"]) == (429, "TooManyRequests")
    a_day_passes("exports", ids)
    assert ordered(ids.fan_id).status == 202


def test_exports_one_fan_and_nobody_else(ids, ordered, work, read, tenant):
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO fans (workspace_id, creator_id, handle) VALUES (%s, %s, 'somebody-else')",
            (ids.workspace_id, ids.creator_id),
        )
    answer = ordered(ids.fan_id, role="manager")
    assert answer.status == 202
    work("exports")
    files = read(answer.body["id"])
    found = {name.split("-", 1)[1].removesuffix(".jsonl.gz") for name in files}
    assert found >= {
        *("fans", "fan_tags", "fan_lists", "fan_list_members", "transactions", "sends"),
        *("send_attempts", "media_grants"),
    }
    assert found <= tables.OF_FAN.keys() | {"manifest"}
    assert "somebody-else" not in "".join(files.values())
    assert ordered(new_id()).status == 404


class KilledError(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("moment", ["before the file", "after the file", "after the note"])
def test_a_killed_run_ends_in_the_same_files(ids, ordered, runs, read, tenant, moment):
    """At every file in turn, before and after each of its two writes."""

    def run(export_id, die_at=None):
        count = 0

        class Dying(S3Exports):
            def put(self, *file):
                nonlocal count
                count += 1
                if count == die_at and moment == "before the file":
                    raise KilledError
                super().put(*file)
                if count == die_at and moment == "after the file":
                    raise KilledError

        class Store(PostgresExportRuns):
            def keep(self, *note):
                super().keep(*note)
                if count == die_at and moment == "after the note":
                    raise KilledError

        return service.run(
            export_id,
            Store(tenant(ids.workspace_id)),
            lambda claim: runs.sources(claim)[:30],
            Dying(),
            now=lambda: datetime.now(UTC),
            seconds_left=lambda: 900.0,
            page=1,
        )

    whole = UUID(ordered(ids.fan_id).body["id"])
    assert run(whole) == "ready"
    expected = read(whole)
    assert len(expected) > 8
    for die_at in range(1, len(expected) + 1):
        export_id = UUID(ordered(ids.fan_id).body["id"])
        with pytest.raises(KilledError):
            run(export_id, die_at)
        assert run(export_id) == "ready"
        assert read(export_id) == expected


def test_who_was_overtaken_notes_nothing(ids, ordered, runs):  # noqa: ARG001
    export_id = UUID(ordered().body["id"])
    slow = runs.claim(export_id, service.LEASE * 0)
    assert runs.claim(export_id, service.LEASE) is not None
    file = service.StoredFile(1, "000001-fans.jsonl.gz", 1, 1, bytes(32))
    place = service.Place(source="fans", after=["x"], number=1)
    with pytest.raises(service.LostClaimError):
        runs.keep(slow, file, place, service.LEASE)


def test_time_that_is_short_hands_the_export_on(ids, ordered, work, read):
    export = ordered().body
    calls = iter([900_000] * 40 + [1_000] * 2 + [900_000] * 9999)
    wake_up = exports.WakeUp(workspace_id=ids.workspace_id, export_id=UUID(export["id"]))
    end = exports.run(wake_up, seconds_left=lambda: next(calls) / 1000)
    assert end == "handed on"
    assert set(work("exports")) == {"ready", "not ours"}
    assert any("manifest" in name for name in read(export["id"]))
