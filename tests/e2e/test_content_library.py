"""Files on their way through a deployed cloud: forms, buckets, queue, permissions, addresses."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.api_client import ApiClient, ApiError
from tests.fakes import media_files
from tests.fakes.media_files import CAMERA, PLACE

pytestmark = pytest.mark.e2e

PATIENCE_SECONDS = 120
MARK = f"library{time.time_ns():x}"


@pytest.fixture(scope="module")
def api(cloud: Mapping[str, Any]) -> Iterator[ApiClient]:
    """An owner of a workspace with a creator."""
    client = ApiClient(cloud["api_url"])
    account = {"email": f"{MARK}@example.com", "password": f"quiet river {MARK[::-1]}"}
    names = {"name": "Owner", "workspace_name": "Library"}
    client.log_in_with(client.post("/api/auth/register", account | names)["access_token"])
    client.post("/api/management/creators", {"platform": "fan_platform", "handle": MARK})
    yield client
    client.close()


def bring(api: ApiClient, folder: Path, data: bytes, content_type: str) -> dict[str, Any]:
    """Upload a file as a browser does, and wait for what becomes of it."""
    path = folder / "file"
    path.write_bytes(data)
    ticket = api.post("/api/content/uploads", {"content_type": content_type, "title": "Beach"})
    api.upload(ticket, path)
    api.post(f"/api/content/uploads/{ticket['upload_id']}/complete")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer: dict[str, Any] = api.get(f"/api/content/uploads/{ticket['upload_id']}")
        if answer["finished_at"] is not None:
            return answer
        time.sleep(0.5)
    raise TimeoutError("nothing became of the upload")


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (media_files.picture(), "image/jpeg"),
        (media_files.movie(), "video/mp4"),
        (media_files.mp3(50_000), "audio/mpeg"),
    ],
    ids=["photo", "video", "audio in parts"],
)
def test_a_file_becomes_an_item_that_tells_no_place(
    api: ApiClient, tmp_path: Path, data: bytes, content_type: str
) -> None:
    ended = bring(api, tmp_path, data, content_type)
    assert ended["status"] == "ready", ended
    file = api.get(f"/api/content/{ended['id']}")["file"]
    got = httpx.get(file["url"], timeout=60)
    assert (got.status_code, got.headers["content-type"]) == (200, content_type)
    assert len(got.content) == file["bytes"]
    for trace in (PLACE, CAMERA):
        assert trace not in got.content
    if file["thumbnail_url"] is not None:
        assert httpx.get(file["thumbnail_url"], timeout=60).content[8:12] == b"WEBP"
    # Without a signature there is nothing to see.
    assert httpx.get(file["url"].partition("?")[0], timeout=60).status_code in (401, 403)
    assert bring(api, tmp_path, data, content_type)["duplicate_of"] == ended["id"]


def test_what_is_no_picture_is_refused(api: ApiClient, tmp_path: Path) -> None:
    ended = bring(api, tmp_path, b"<html><script>alert(1)</script>", "image/jpeg")
    assert (ended["status"], ended["refusal"]) == ("refused", "unsupported")


def test_the_bucket_takes_nothing_larger_or_of_another_kind(api: ApiClient, tmp_path: Path) -> None:
    ticket = api.post("/api/content/uploads", {"content_type": "image/jpeg", "title": "t"})
    path = tmp_path / "large"
    with path.open("wb") as large:
        large.truncate(ticket["max_bytes"] + 1)
    with pytest.raises(ApiError):
        api.upload(ticket, path)
    path.write_bytes(b"<html>")
    forged = {**ticket, "fields": {**ticket["fields"], "Content-Type": "text/html"}}
    with pytest.raises(ApiError):
        api.upload(forged, path)
