"""The worker's sign of life: the loop beats, and a process beside it tells whether it does."""

import asyncio
import os
import subprocess
import sys
import time

import pytest

from browser_worker import heartbeat
from browser_worker.settings import WorkerSettings
from browser_worker.worker import BEAT_SECONDS, POLL_SECONDS, Worker

_SETTINGS = WorkerSettings(
    stage="test",
    lanes_queue_url="-",
    of_sessions_table="-",
    sessions_key_arn="-",
    screenshots_bucket="-",
)


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "heartbeat"
    monkeypatch.setenv("HEARTBEAT_FILE", str(path))
    return path


@pytest.fixture
def ask(tmp_path):
    """Runs the container's health check as the container does."""

    def run():
        return subprocess.run(
            [sys.executable, "-m", "browser_worker.health"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )

    return run


def test_a_worker_that_beats_is_healthy(file, ask):
    heartbeat.beat()
    assert file.exists()
    assert (ask().returncode, ask().stderr) == (0, "")


def test_a_worker_that_has_not_begun_is_not_healthy(file, ask):
    assert not file.exists()
    answer = ask()
    assert answer.returncode == 1
    assert "has not started" in answer.stderr


def test_a_worker_that_hangs_is_not_healthy(file, ask):
    heartbeat.beat()
    long_ago = time.time() - heartbeat.STALE_SECONDS - 5
    os.utime(file, (long_ago, long_ago))
    answer = ask()
    assert answer.returncode == 1
    assert "has not turned for" in answer.stderr


def test_a_full_disk_ends_no_lane(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARTBEAT_FILE", str(tmp_path / "missing" / "heartbeat"))
    heartbeat.beat()
    assert heartbeat.age() is None


def test_the_health_check_loads_no_browser():
    # Every thirty seconds, beside a browser that needs the memory.
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, browser_worker.health; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"playwright", "boto3", "psycopg", "pydantic"} & set(loaded)


def test_a_waiting_loop_beats_well_within_the_limit():
    assert BEAT_SECONDS * 3 < heartbeat.STALE_SECONDS
    assert POLL_SECONDS < heartbeat.STALE_SECONDS


async def test_the_loop_beats_while_it_waits_for_the_queue(monkeypatch):
    beats = []
    leaving = asyncio.Event()

    def beat():
        beats.append(len(beats))
        if len(beats) == 5:
            leaving.set()

    worker = Worker(_SETTINGS, source=None, bench=None, leaving=leaving, beat=beat)
    monkeypatch.setattr("browser_worker.worker.BEAT_SECONDS", 0.001)
    # A queue that never answers: the beats alone show that the loop turns.
    monkeypatch.setattr(worker, "_poll", lambda _: time.sleep(3600))
    # A loop that no longer beats would wait for ever.
    await asyncio.wait_for(worker.run(), 30)
    assert len(beats) >= 5


async def test_the_loop_beats_while_every_lane_is_taken(monkeypatch):
    beats = []
    leaving = asyncio.Event()
    lane = asyncio.get_running_loop().create_future()

    def beat():
        beats.append(len(beats))
        if len(beats) == 5:
            leaving.set()
            lane.set_result(None)

    settings = _SETTINGS.model_copy(update={"most_lanes": 1})
    worker = Worker(settings, source=None, bench=None, leaving=leaving, beat=beat)
    monkeypatch.setattr("browser_worker.worker.BEAT_SECONDS", 0.001)
    lane.add_done_callback(worker._lanes.discard)
    worker._lanes.add(lane)
    # A loop that no longer beats would wait for ever.
    await asyncio.wait_for(worker.run(), 30)
    assert len(beats) == 5
