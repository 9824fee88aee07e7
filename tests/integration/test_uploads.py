"""Uploaded files on their way into the library: routes, buckets and runs, on moto's S3."""

import base64
import io
import json
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from moto import mock_aws
from PIL import Image

from functions.content import handler as library
from functions.content import service as content
from functions.content.gateway import SignedAddresses, addresses
from functions.uploads import service
from functions.uploads.api import handler as door
from functions.uploads.repository import PostgresRuns
from functions.uploads.runs import gateway
from functions.uploads.runs import handler as runs
from huntaze import clients, http
from huntaze.db import SingleConnection
from huntaze.entry import UnhandledError
from huntaze.ids import new_id
from huntaze.settings import load
from tests.fakes import media_files
from tests.fakes.media_files import CAMERA, PLACE

PATH = "/api/content"
UPLOADS, MEDIA = "uploads", "media"


@pytest.fixture
def queue(as_role, monkeypatch):
    """Moto's S3 and a recorder for a queue behind all doors."""
    source = SingleConnection(lambda: as_role("app"))
    for module in (door, library, runs, http):
        monkeypatch.setattr(module, "database", lambda: source)
    settings = {"UPLOADS_BUCKET": UPLOADS, "MEDIA_BUCKET": MEDIA, "ENRICHMENT_QUEUE_URL": "q"}
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test")
    keys["AWS_DEFAULT_REGION"] = "us-east-1"
    for name, value in {**settings, **keys}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    load.cache_clear()
    addresses.cache_clear()
    with mock_aws():
        # As functions make it, but not the one that another test may have left.
        bucket = clients._client.__wrapped__("s3")
        for name in (UPLOADS, MEDIA):
            bucket.create_bucket(Bucket=name)
        sent = Mock()
        monkeypatch.setattr(clients, "s3", lambda: bucket)
        monkeypatch.setattr(clients, "sqs", lambda: sent)
        yield sent.send_message
    load.cache_clear()
    addresses.cache_clear()


@pytest.fixture
def call(queue, tenant_factory, api_event, principal, lambda_context):  # noqa: ARG001
    """Call a route as the owner of a workspace; answers status and body."""
    ids = tenant_factory()

    def make(method, path, body=None, ids=ids, **more):
        who = principal(ids.workspace_id, user_id=ids.user_id)
        event = api_event(method, PATH + path, principal=who, body=body, **more)
        at = door if path.startswith("/uploads") else library
        reply = at.handler(event, lambda_context)
        return reply["statusCode"], json.loads(reply["body"] or "null")

    make.ids = ids
    return make


@pytest.fixture
def upload(call):
    """Ask for a ticket and put a file there; answers the upload's id."""

    def make(data, content_type="image/jpeg", **more):
        body = {"content_type": content_type, "title": "Beach", **more}
        status, ticket = call("POST", "/uploads", body)
        assert status == 201, ticket
        clients.s3().put_object(
            Bucket=UPLOADS, Key=ticket["fields"]["key"], Body=data, ContentType=content_type
        )
        return ticket["upload_id"]

    return make


@pytest.fixture
def told(queue, call):
    """What the queue was told of the workspace, message by message."""

    def read():
        sent = [one.kwargs["MessageBody"] for one in queue.call_args_list]
        return [one for one in sent if str(call.ids.workspace_id) in one]

    return read


@pytest.fixture
def work(told, lambda_context):
    """Run what the queue was told last."""

    def make():
        (end,) = runs.handler({"Records": [{"body": told()[-1]}]}, lambda_context)["ends"]
        return end

    return make


@pytest.fixture
def bring(call, upload, work):
    """Upload a file and have it looked at; answers what became of it."""

    def make(data, content_type="image/jpeg", **more):
        upload_id = upload(data, content_type, **more)
        status, answer = call("POST", f"/uploads/{upload_id}/complete")
        assert (status, answer["status"]) == (202, "working")
        end = work()
        status, answer = call("GET", f"/uploads/{upload_id}")
        assert answer["status"] == end
        return answer

    return make


@pytest.fixture
def later(call, tenant):
    """Let the time of an upload's lease and of its next look be over."""

    def make(upload_id):
        with tenant(call.ids.workspace_id).transaction() as connection:
            connection.execute(
                "UPDATE media_uploads SET leased_until = '-infinity', look_at = '-infinity'"
                " WHERE id = %s",
                (upload_id,),
            )

    return make


@pytest.fixture
def sweep(queue, told, lambda_context, monkeypatch):
    """What the sweep wakes in the workspace: tasks and ids."""
    # Other tests leave work to others; what is woken here must not have to wait for it.
    monkeypatch.setattr(runs, "_SWEPT", 100_000)

    def make():
        queue.reset_mock()
        runs.handler({}, lambda_context)
        return [(one["task"], one["id"]) for one in map(json.loads, told())]

    return make


def objects(bucket):
    found = clients.s3().list_objects_v2(Bucket=bucket).get("Contents", [])
    return {one["Key"] for one in found}


def body_of(key):
    return clients.s3().get_object(Bucket=MEDIA, Key=key)["Body"].read()


@pytest.mark.parametrize(
    ("content_type", "most"), [("image/png", 50), ("video/mp4", 2048), ("audio/mpeg", 512)]
)
def test_a_ticket_takes_one_file_of_one_kind_and_a_limited_size(call, content_type, most):
    status, ticket = call("POST", "/uploads", {"content_type": content_type, "title": "t"})
    assert (status, ticket["max_bytes"]) == (201, most * 1024**2)
    policy = json.loads(base64.b64decode(ticket["fields"]["policy"]))
    key = f"incoming/{call.ids.workspace_id}/{ticket['upload_id']}"
    assert {"key": key} in policy["conditions"]
    assert {"Content-Type": content_type} in policy["conditions"]
    assert ["content-length-range", 1, ticket["max_bytes"]] in policy["conditions"]


@pytest.mark.parametrize(
    "more",
    [
        {"bytes": 5 * 1024**3},
        {"bytes": 50 * 1024**2 + 1},
        {"bytes": 0},
        {"content_type": "image/svg+xml"},
        {"content_type": "text/html"},
        {"title": ""},
    ],
)
def test_refuses_to_give_a_ticket(call, more):
    body = {"content_type": "image/jpeg", "title": "t"} | more
    assert call("POST", "/uploads", body)[0] == 422


def test_a_photo_becomes_an_item_that_tells_no_place(call, bring):
    ended = bring(media_files.picture(), tags=["sea"], platform_media_id="v1")
    assert (ended["status"], ended["refusal"], ended["similar"]) == ("ready", None, [])
    item = call("GET", f"/{ended['id']}")[1]
    assert (item["kind"], item["title"], item["tags"]) == ("photo", "Beach", ["sea"])
    assert item["platform_media_id"] == "v1"
    file = item["file"]
    assert (file["width"], file["height"], file["content_type"]) == (80, 120, "image/jpeg")
    assert file["removed"] == ["exif", "location"]
    place = f"{call.ids.workspace_id}/{ended['id']}/"
    assert objects(MEDIA) == {place + "original.jpg", place + "thumbnail.webp"}
    assert objects(UPLOADS) == set()
    for key in objects(MEDIA):
        assert CAMERA not in body_of(key)
        assert not Image.open(io.BytesIO(body_of(key))).getexif()
    assert len(body_of(place + "original.jpg")) == file["bytes"]
    for url, name in ((file["url"], "original.jpg"), (file["thumbnail_url"], "thumbnail.webp")):
        parts = urlsplit(url)
        assert parts.path.endswith(place + name)
        assert 0 < int(parse_qs(parts.query)["X-Amz-Expires"][0]) <= 7200
    assert call("GET", "", query={"q": "beach"})[1]["items"][0]["id"] == ended["id"]


@pytest.mark.parametrize(
    ("data", "content_type", "kind", "sides", "duration"),
    [
        (media_files.movie(), "video/mp4", "video", (240, 320), 5000),
        (media_files.movie(b"qt  "), "video/quicktime", "video", (240, 320), 5000),
        (media_files.webm(), "video/webm", "video", (320, 240), 2000),
        (media_files.movie(b"M4A ", tracks="sound"), "audio/mp4", "audio", (None, None), 5000),
        (media_files.mp3(), "audio/mpeg", "audio", (None, None), 2612),
    ],
)
def test_videos_and_audios_become_items(call, bring, data, content_type, kind, sides, duration):
    ended = bring(data, content_type)
    item = call("GET", f"/{ended['id']}")[1]
    file = item["file"]
    assert (item["kind"], file["content_type"]) == (kind, content_type)
    assert ((file["width"], file["height"]), file["duration_ms"]) == (sides, duration)
    assert file["thumbnail_url"] is None
    (key,) = objects(MEDIA)
    for trace in (PLACE, CAMERA):
        assert trace not in body_of(key)
    assert len(body_of(key)) == file["bytes"]


def test_a_large_file_is_passed_on_in_parts(call, bring, monkeypatch):
    monkeypatch.setattr(service, "PIECE", 1024**2)
    monkeypatch.setattr(gateway, "_PART", 5 * 1024**2)
    sound = media_files.mp3(30_000)
    ended = bring(sound, "audio/mpeg")
    (key,) = objects(MEDIA)
    assert body_of(key) == sound[len(sound) - 128 - 30_000 * 417 : -128]
    assert call("GET", f"/{ended['id']}")[1]["file"]["bytes"] == 30_000 * 417
    assert not clients.s3().list_multipart_uploads(Bucket=MEDIA).get("Uploads")


@pytest.mark.parametrize(
    ("data", "content_type", "refusal"),
    [
        (b"<!DOCTYPE html><script>alert(1)</script>", "image/jpeg", "unsupported"),
        (b"<svg onload='alert(1)'/>", "image/png", "unsupported"),
        (b"", "image/png", "unsupported"),
        (media_files.picture()[:-400], "image/jpeg", "broken"),
        (media_files.movie()[:-40], "video/mp4", "broken"),
        (media_files.movie(tail=b"PK\x03\x04" + bytes(99)), "video/mp4", "broken"),
        (media_files.movie(), "image/jpeg", "wrong_kind"),
        (media_files.picture(), "video/mp4", "wrong_kind"),
        (media_files.picture(), "application/x-msdownload", "wrong_kind"),
    ],
)
def test_refuses_what_is_no_media_and_keeps_nothing_of_it(
    call, upload, work, sweep, data, content_type, refusal
):
    upload_id = upload(data)
    key = f"incoming/{call.ids.workspace_id}/{upload_id}"
    clients.s3().put_object(Bucket=UPLOADS, Key=key, Body=data, ContentType=content_type)
    call("POST", f"/uploads/{upload_id}/complete")
    assert work() == "refused"
    answer = call("GET", f"/uploads/{upload_id}")[1]
    assert (answer["status"], answer["refusal"]) == ("refused", refusal)
    assert answer["failure"].endswith(".")
    assert call("GET", f"/{upload_id}")[0] == 404
    assert sweep() == [("removal", upload_id)]
    assert work() == "removed"
    assert (objects(MEDIA), objects(UPLOADS), sweep()) == (set(), set(), [])


def test_the_same_file_is_one_item(call, bring, tenant_factory):
    first = bring(media_files.picture())
    second = bring(media_files.picture())
    assert (second["status"], second["duplicate_of"]) == ("duplicate", first["id"])
    movie = bring(media_files.movie(), "video/mp4")
    assert bring(media_files.movie(), "video/mp4")["duplicate_of"] == movie["id"]
    assert len(call("GET", "")[1]["items"]) == 2
    # A file that looks alike is another file, and a hint.
    alike = bring(media_files.picture(quality=60))
    assert (alike["status"], alike["similar"]) == ("ready", [first["id"]])
    # What one creator has says nothing to another.
    other = tenant_factory()
    assert call("GET", f"/uploads/{first['id']}", ids=other)[0] == 404


def test_what_is_in_the_vault_already_is_no_second_item(call, bring):
    vault = {"platform_media_id": "v1", "kind": "photo", "title": "t"}
    assert call("POST", "", vault)[0] == 201
    ended = bring(media_files.picture(), platform_media_id="v1")
    assert (ended["status"], ended["refusal"]) == ("refused", "in_vault_already")


def test_only_the_version_that_was_chosen_is_read(call, upload, work, monkeypatch):
    upload_id = upload(media_files.picture())
    call("POST", f"/uploads/{upload_id}/complete")
    key = f"incoming/{call.ids.workspace_id}/{upload_id}"
    choose = PostgresRuns.choose

    def change(store, claim, arrived):
        clients.s3().put_object(Bucket=UPLOADS, Key=key, Body=b"another", ContentType="image/png")
        return choose(store, claim, arrived)

    monkeypatch.setattr(PostgresRuns, "choose", change)
    assert work() == "refused"
    assert call("GET", f"/uploads/{upload_id}")[1]["refusal"] == "changed"


def test_an_upload_that_nobody_announces_is_found(call, upload, later, sweep, work):
    upload_id = upload(media_files.picture())
    assert call("GET", f"/uploads/{upload_id}")[1]["status"] == "waiting"
    assert sweep() == []
    later(upload_id)
    assert sweep() == [("upload", upload_id)]
    assert work() == "ready"
    assert sweep() == []


def test_an_upload_without_a_file_waits_and_ends(call, later, sweep, work, tenant):
    body = {"content_type": "image/png", "title": "t"}
    upload_id = call("POST", "/uploads", body)[1]["upload_id"]
    refused = call("POST", f"/uploads/{upload_id}/complete")
    assert (refused[0], refused[1]["error"]) == (409, "FileMissing")
    for _ in range(7):
        later(upload_id)
        assert sweep() == [("upload", upload_id)]
        assert work() == "waiting"
    assert sweep() == []
    with tenant(call.ids.workspace_id).transaction() as connection:
        connection.execute("UPDATE media_uploads SET expires_at = '2020-01-01'")
    later(upload_id)
    sweep()
    assert work() == "expired"
    assert (call("GET", f"/uploads/{upload_id}")[1]["status"], sweep()) == ("expired", [])


def test_a_run_that_died_is_followed_by_another(call, upload, later, sweep, work, monkeypatch):
    upload_id = upload(media_files.picture())
    call("POST", f"/uploads/{upload_id}/complete")

    def die(*_):
        raise ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "PutObject")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.S3Bucket, "put", die)
        with pytest.raises(UnhandledError):
            work()
    later(upload_id)
    assert sweep() == [("upload", upload_id)]
    assert work() == "ready"
    assert work() == "not ours"
    assert call("POST", f"/uploads/{upload_id}/complete")[1]["status"] == "ready"


def test_a_run_that_always_fails_ends(call, upload, later, work, monkeypatch):
    upload_id = upload(media_files.picture())
    call("POST", f"/uploads/{upload_id}/complete")
    monkeypatch.setattr(gateway.S3Bucket, "put", Mock(side_effect=OSError))
    for _ in range(service.MAX_RUNS):
        with pytest.raises(UnhandledError):
            work()
        later(upload_id)
    assert work() == "refused"
    assert call("GET", f"/uploads/{upload_id}")[1]["refusal"] == "unreadable"


def test_a_run_that_stood_still_makes_nothing(call, upload, later, work, monkeypatch):
    upload_id = upload(media_files.picture())
    call("POST", f"/uploads/{upload_id}/complete")
    put, ends = gateway.S3Bucket.put, []

    def stall(bucket, key, data, content_type):
        put(bucket, key, data, content_type)
        if not ends:
            ends.append("began")
            later(upload_id)
            ends.append(work())

    monkeypatch.setattr(gateway.S3Bucket, "put", stall)
    assert work() == "lost"
    assert ends == ["began", "ready"]
    assert call("GET", f"/{upload_id}")[0] == 200


def test_a_deleted_item_leaves_nothing_behind(call, bring, sweep, work):
    ended = bring(media_files.picture())
    kept = bring(media_files.mp3(), "audio/mpeg")
    assert call("DELETE", f"/{ended['id']}")[0] == 204
    assert sweep() == [("removal", ended["id"])]
    assert (work(), sweep()) == ("removed", [])
    assert [key.split("/")[1] for key in objects(MEDIA)] == [kept["id"]]
    assert bring(media_files.picture())["status"] == "ready"


def test_cloudfront_can_check_our_addresses():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    until = content.end_of_addresses(datetime(2026, 1, 1, 12, 34, tzinfo=UTC))
    assert until == datetime(2026, 1, 1, 14, tzinfo=UTC)
    url = SignedAddresses("media.example.com", "K1", key).sign("a/b c.jpg", until)
    address, _, query = url.partition("?")
    assert address == "https://media.example.com/a/b%20c.jpg"
    asked = {name: value[0] for name, value in parse_qs(query).items()}
    assert (asked["Expires"], asked["Key-Pair-Id"]) == (str(round(until.timestamp())), "K1")
    policy = (
        f'{{"Statement":[{{"Resource":"{address}",'
        f'"Condition":{{"DateLessThan":{{"AWS:EpochTime":{asked["Expires"]}}}}}}}]}}'
    )
    signature = base64.b64decode(asked["Signature"].translate(str.maketrans("-_~", "+=/")))
    key.public_key().verify(signature, policy.encode(), padding.PKCS1v15(), SHA1())  # noqa: S303


def test_addresses_last_an_hour_at_least():
    for minutes in range(0, 1440, 7):
        now = datetime(2026, 3, 29, tzinfo=UTC) + timedelta(minutes=minutes)
        left = content.end_of_addresses(now) - now
        assert timedelta(hours=1) < left <= timedelta(hours=2)


def test_uploads_of_others_are_hidden(call, tenant_factory):
    for method, path in (("GET", ""), ("POST", "/complete")):
        assert call(method, f"/uploads/{new_id()}{path}", ids=tenant_factory())[0] == 404
