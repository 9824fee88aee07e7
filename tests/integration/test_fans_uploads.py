"""Importing uploaded files: routes, bucket and runs, on real Postgres and moto's S3."""

import base64
import json
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from moto import mock_aws

from functions.fans import handler as door
from functions.fans.imports import chunks
from functions.fans.imports import handler as runs
from functions.fans.imports.repository import PostgresRuns
from functions.fans.imports.rows import FAN_COLUMNS, TRANSACTION_COLUMNS
from functions.fans.imports.service import MAX_IDLE_RUNS, LostClaimError
from functions.fans.imports.table import open_table
from huntaze import clients, http
from huntaze.db import SingleConnection
from huntaze.entry import UnhandledError
from huntaze.ids import new_id
from huntaze.settings import load

BUCKET = "imports"
HEADER = "platform_id,handle\n"


@pytest.fixture
def queue(as_role, monkeypatch):
    """Moto's S3 and a recorder for a queue behind both doors."""
    source = SingleConnection(lambda: as_role("app"))
    for module in (door, runs, http):
        monkeypatch.setattr(module, "database", lambda: source)
    settings = {"IMPORTS_BUCKET": BUCKET, "IMPORTS_QUEUE_URL": "https://queue"}
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test")
    keys["AWS_DEFAULT_REGION"] = "us-east-1"
    for name, value in {**settings, **keys}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    load.cache_clear()
    with mock_aws():
        # As functions make it, but not the one that another test may have left.
        bucket = clients._client.__wrapped__("s3")
        bucket.create_bucket(Bucket=BUCKET)
        sent = Mock()
        monkeypatch.setattr(clients, "s3", lambda: bucket)
        monkeypatch.setattr(clients, "sqs", lambda: sent)
        yield sent.send_message
    load.cache_clear()


@pytest.fixture
def call(queue, tenant_factory, api_event, principal, lambda_context):  # noqa: ARG001
    """Call a route as the owner of a workspace; answers status and body."""
    ids = tenant_factory()

    def make(method, path, body=None, ids=None, headers=None):
        ids = ids or make.ids
        who = principal(ids.workspace_id, user_id=ids.user_id)
        event = api_event(method, path, principal=who, body=body, headers=headers)
        reply = door.handler(event, lambda_context)
        return reply["statusCode"], json.loads(reply["body"] or "null")

    make.ids = ids
    return make


@pytest.fixture
def uploaded(call):
    """Upload a file; answers the upload's id."""

    def make(content):
        status, ticket = call("POST", "/api/crm/fans/imports/uploads", {})
        assert status == 201, ticket
        data = content.encode() if isinstance(content, str) else content
        clients.s3().put_object(Bucket=BUCKET, Key=ticket["fields"]["key"], Body=data)
        return ticket["upload_id"]

    return make


@pytest.fixture
def started(call, uploaded):
    """Upload a file and ask for its import; answers the import."""

    def make(content, kind="fans", **more):
        body = {"upload_id": uploaded(content), **more}
        status, report = call("POST", f"/api/crm/{kind}/import", body)
        assert status == 202, report
        return report

    return make


@pytest.fixture
def work(queue):
    """Run what the queue was told last, with so many milliseconds left."""

    def make(left=900_000):
        message = queue.call_args.kwargs["MessageBody"]
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: left)
        return runs.handler({"Records": [{"body": message}]}, context)["ends"]

    return make


@pytest.fixture
def report(call):
    """Read an import."""
    return lambda started: call("GET", f"/api/crm/fans/imports/{started['id']}")[1]


@pytest.fixture
def fans(call, tenant):
    """The fans of the workspace: platform id to handle."""

    def read():
        with tenant(call.ids.workspace_id).transaction() as connection:
            return dict(connection.execute("SELECT platform_id, handle FROM fans").fetchall())

    return read


@pytest.fixture
def small_chunks(monkeypatch):
    """Two rows a chunk."""
    monkeypatch.setattr(chunks, "CHUNK_RECORDS", 2)


def table(count):
    return HEADER + "".join(f"{n},fan{n}\n" for n in range(count))


def test_a_ticket_takes_one_file_of_one_kind_and_a_limited_size(call):
    status, ticket = call(
        "POST", "/api/crm/fans/imports/uploads", {"content_type": "application/x-ndjson"}
    )
    assert status == 201
    assert ticket["max_bytes"] == 1024**3
    assert ticket["fields"]["key"] == f"incoming/{call.ids.workspace_id}/{ticket['upload_id']}"
    assert ticket["fields"]["Content-Type"] == "application/x-ndjson"
    assert ticket["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    policy = json.loads(base64.b64decode(ticket["fields"]["policy"]))
    assert ["content-length-range", 1, 1024**3] in policy["conditions"]
    assert {"key": ticket["fields"]["key"]} in policy["conditions"]
    status, _ = call("POST", "/api/crm/fans/imports/uploads", {"content_type": "text/html"})
    assert status == 422


def test_imports_an_upload_in_a_run_of_its_own(started, work, report, fans):
    first = started(table(3) + ",nobody\n")
    assert (first["status"], first["percent"], first["rows_read"]) == ("running", 0, 0)
    assert fans() == {}
    assert work() == ["completed"]
    done = report(first)
    assert (done["status"], done["percent"], done["rows_created"]) == ("completed", 100, 3)
    assert done["bytes_read"] == done["bytes_total"] == len(table(3)) + len(",nobody\n")
    assert done["rejected"] == [{"line": 5, "reason": "platform_id is blank"}]
    assert len(fans()) == 3


@pytest.mark.parametrize(
    ("content", "told"), [(table(3), "import.completed"), ("no header\n", "import.failed")]
)
def test_the_end_of_a_run_is_told_once(call, started, work, tenant, content, told):
    first = started(content)
    work()
    work()
    with tenant(call.ids.workspace_id).transaction() as connection:
        events = connection.execute(
            "SELECT event_type, aggregate_id::text, payload ->> 'creator_id' FROM events_outbox"
            " WHERE aggregate_type = 'import'"
        ).fetchall()
    assert events == [(told, first["id"], str(call.ids.creator_id))]


def test_imports_transactions_from_an_upload(started, work, report):
    header = "transaction_id,platform_id,type,amount\n"
    first = started(header + "t1,1,tip,5.00\nt2,1,tip,2.50\n", kind="transactions")
    assert work() == ["completed"]
    assert report(first)["rows_created"] == 2


@pytest.mark.usefixtures("small_chunks")
def test_hands_itself_on_when_time_is_short(started, work, report, fans, queue):
    first = started(table(5))
    for stored, percent in ((2, 61), (4, 87)):
        told = queue.call_count
        assert work(left=1000) == ["handed on"]
        assert queue.call_count == told + 1
        assert len(fans()) == report(first)["rows_created"] == stored
        assert report(first)["percent"] == percent
    assert work(left=1000) == ["completed"]
    assert report(first)["rows_created"] == 5


def test_the_same_upload_is_the_same_import(call, uploaded, work):
    upload_id = uploaded(table(2))
    answers = [call("POST", "/api/crm/fans/import", {"upload_id": upload_id}) for _ in range(2)]
    assert answers[0] == answers[1]
    work()
    status, again = call("POST", "/api/crm/fans/import", {"upload_id": upload_id})
    assert (status, again["id"], again["status"]) == (202, answers[0][1]["id"], "completed")
    assert work() == ["not ours"]
    status, refusal = call("POST", "/api/crm/transactions/import", {"upload_id": upload_id})
    assert (status, refusal["error"]) == (409, "AlreadyImported")


def test_reads_the_version_that_was_checked_and_no_later_one(started, work, report, fans):
    first = started(table(2))
    key = clients.s3().list_objects_v2(Bucket=BUCKET)["Contents"][0]["Key"]
    clients.s3().put_object(Bucket=BUCKET, Key=key, Body=b"platform_id,handle\n9,other\n")
    assert work() == ["failed"]
    assert "changed" in report(first)["failure"]
    assert fans() == {}


@pytest.mark.usefixtures("small_chunks")
def test_a_later_upload_changes_nothing_of_a_run_that_has_begun(started, work, fans):
    started(table(4))
    assert work(left=1000) == ["handed on"]
    key = clients.s3().list_objects_v2(Bucket=BUCKET, Prefix="incoming/")["Contents"][0]["Key"]
    clients.s3().put_object(Bucket=BUCKET, Key=key, Body=b"platform_id,handle\n9,other\n")
    while work(left=1000) == ["handed on"]:
        pass
    assert sorted(fans()) == ["0", "1", "2", "3"]


def test_refuses_uploads_that_are_not_there_or_not_the_callers(call, uploaded, tenant_factory):
    _, ticket = call("POST", "/api/crm/fans/imports/uploads", {})
    body = {"upload_id": ticket["upload_id"]}
    status, refusal = call("POST", "/api/crm/fans/import", body)
    assert (status, refusal["error"]) == (409, "UploadMissing")
    theirs = {"upload_id": uploaded(table(1))}
    for path in ("/api/crm/fans/import", "/api/crm/transactions/import"):
        assert call("POST", path, theirs, ids=tenant_factory())[0] == 404
    assert call("POST", "/api/crm/fans/import", {"upload_id": str(new_id())})[0] == 404
    both = {**theirs, "content": table(1)}
    assert call("POST", "/api/crm/fans/import", both)[0] == 422
    other = {**theirs, "creator_id": str(new_id())}
    assert call("POST", "/api/crm/fans/import", other)[0] == 422


def test_refuses_a_file_that_is_larger_than_its_ticket(call, uploaded, monkeypatch):
    upload_id = uploaded(table(1))
    monkeypatch.setattr(
        clients.s3(), "head_object", lambda **_: {"ETag": "e", "ContentLength": 1024**3 + 1}
    )
    assert call("POST", "/api/crm/fans/import", {"upload_id": upload_id})[0] == 413


@pytest.mark.parametrize(
    ("content", "failure"),
    [
        (b"PK\x03\x04workbook", "save the sheet as CSV"),
        (b"\x1f\x8bgzip", "unpack it first"),
        (b"name\nx\n", "must be a header"),
        (b'platform_id,handle\n1,"' + b"x" * 6_000_000, "longer than"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_the_reason(started, work, report, content, failure):
    first = started(content)
    assert work() == ["failed"]
    done = report(first)
    assert (done["status"], done["rows_created"]) == ("failed", 0)
    assert failure in done["failure"]


@pytest.mark.usefixtures("small_chunks")
def test_a_cancelled_import_stops_after_what_is_stored(call, started, work, report, fans):
    first = started(table(6))
    work(left=1000)
    path = f"/api/crm/fans/imports/{first['id']}"
    assert call("DELETE", path)[0] == 204
    assert work() == ["not ours"]
    assert (report(first)["status"], len(fans())) == ("cancelled", 2)
    status, refusal = call("DELETE", path)
    assert (status, refusal["error"]) == (409, "AlreadyFinished")


def test_what_was_never_woken_is_found_and_woken_once_a_minute(
    call, started, queue, tenant, monkeypatch
):
    # Other tests leave imports to others; this one must not have to wait for them.
    monkeypatch.setattr(runs, "_SWEPT", 100_000)

    def woken():
        queue.reset_mock()
        runs.handler({}, SimpleNamespace())
        return [c for c in queue.call_args_list if first["id"] in c.kwargs["MessageBody"]]

    first = started(table(1))
    assert not woken()
    with tenant(call.ids.workspace_id).transaction() as connection:
        connection.execute("UPDATE imports SET created_at = created_at - interval '1 minute'")
    assert woken()


def test_a_workspace_with_many_files_keeps_no_other_from_its_runs(
    call, started, queue, tenant, tenant_factory
):
    first = call.ids
    for _ in range(3):
        started(table(1))
    call.ids = tenant_factory()
    late = started(table(1))
    # A group is a workspace: the queue is fair to groups.
    assert queue.call_args.kwargs["MessageGroupId"] == str(call.ids.workspace_id)
    for ids in (first, call.ids):
        with tenant(ids.workspace_id).transaction() as connection:
            connection.execute("UPDATE imports SET created_at = created_at - interval '1 minute'")
    with tenant(first.workspace_id).transaction() as connection:
        found = connection.execute("SELECT workspace_id, import_id FROM imports_to_resume(1000)")
        order = [row for row in found if row[0] in (first.workspace_id, call.ids.workspace_id)]
    assert str(order[1][1]) == late["id"]


def test_a_run_is_woken_when_its_import_can_be_seen(call, uploaded, queue, tenant):
    seen = []

    def look(**message):
        # Another connection, as the run has one.
        with tenant(call.ids.workspace_id).transaction() as connection:
            statement = "SELECT count(*) FROM imports WHERE id = %s"
            named = json.loads(message["MessageBody"])["import_id"]
            seen.extend(connection.execute(statement, (named,)).fetchone())

    queue.side_effect = look
    body, headers = {"upload_id": uploaded(table(1))}, {"Idempotency-Key": "once"}
    status, first = call("POST", "/api/crm/fans/import", body, headers=headers)
    assert (status, seen) == (202, [1])
    assert call("POST", "/api/crm/fans/import", body, headers=headers) == (202, first)
    assert seen == [1]


def test_gives_up_after_many_idle_runs_and_goes_on_when_asked_again(
    call, started, work, report, monkeypatch
):
    first = started(table(2))
    with monkeypatch.context() as broken:
        away = Mock(side_effect=OSError("away"))
        broken.setattr(runs, "S3Files", lambda: Mock(accept=away))
        for _ in range(MAX_IDLE_RUNS):
            with pytest.raises(UnhandledError, match="OSError"):
                work()
        assert work() == ["failed"]
    assert "again and again" in report(first)["failure"]
    status, again = call("POST", "/api/crm/fans/import", {"upload_id": first["upload_id"]})
    assert (status, again["id"], again["status"]) == (202, first["id"], "running")
    assert work() == ["completed"]
    assert report(first)["rows_created"] == 2


def test_two_runs_never_work_at_once(call, started, tenant):
    first = started(table(2))
    one, two = (PostgresRuns(tenant(call.ids.workspace_id)) for _ in range(2))
    lease = timedelta(minutes=1)
    claim = one.claim(first["id"], lease)
    assert claim is not None
    assert two.claim(first["id"], lease) is None
    one.release(claim)
    later = two.claim(first["id"], lease)
    assert later.fence > claim.fence
    chunk = next(chunks.cut(open_table(BytesIO(table(2).encode()), FAN_COLUMNS), "fans", "USD"))
    with pytest.raises(LostClaimError):
        one.keep(claim, chunk, lease)
    one.fail(claim, "too late")
    two.keep(later, chunk, lease)
    with tenant(call.ids.workspace_id).transaction() as connection:
        found = connection.execute("SELECT status, rows_created FROM imports").fetchall()
    assert found == [("completed", 2)]


@pytest.mark.parametrize(
    ("kind", "columns", "text"),
    [
        ("fans", FAN_COLUMNS, table(3)),
        (
            "transactions",
            TRANSACTION_COLUMNS,
            "transaction_id,platform_id,type,amount\nt1,f1,tip,5.00\n",
        ),
    ],
    ids=["fans", "transactions"],
)
def test_a_run_that_stands_still_in_a_copy_keeps_nobody_waiting(
    call, started, tenant, kind, columns, text
):
    """Nothing ends it: to the server a client in the midst of a COPY is at work."""
    first = started(text, kind)
    one, other = (tenant(call.ids.workspace_id) for _ in range(2))
    store = PostgresRuns(one)
    claim = store.claim(first["id"], timedelta(minutes=1))
    chunk = next(chunks.cut(open_table(BytesIO(text.encode()), columns), kind, "USD"))
    free = []

    class Rows(list):
        def __iter__(self):
            for row in super().__iter__():
                yield row
                with other.transaction() as connection:
                    connection.execute("SET LOCAL lock_timeout = '2s'")
                    connection.execute("SELECT FROM imports FOR UPDATE")
                    free.append(row)

    store.keep(claim, chunk._replace(rows=Rows(chunk.rows)), timedelta(minutes=1))
    assert len(free) == len(chunk.rows) > 0
    assert call("GET", f"/api/crm/fans/imports/{first['id']}")[1]["status"] == "completed"
