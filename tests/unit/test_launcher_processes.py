import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from local import processes
from local.processes import ProcessRecord

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
# A leader that ignores the polite signal and has a child in a group of its own.
STUBBORN_PARENT = (
    sys.executable,
    "-c",
    "import signal, subprocess, sys, time;"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f"child = subprocess.Popen({SLEEP!r}, start_new_session=True);"
    "print(child.pid, flush=True);"
    "time.sleep(60)",
)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = processes.start_apart(SLEEP, log_path=tmp_path / "sleeper.log")
    yield process
    process.kill()
    process.wait()


def test_a_record_finds_its_process_again(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    path = tmp_path / "run" / "sleeper.json"

    ProcessRecord.of(sleeper.pid, "v1").write(path)

    record = ProcessRecord.read(path)
    assert record is not None
    assert (record.pid, record.fingerprint) == (sleeper.pid, "v1")


def test_a_record_does_not_take_a_stranger_with_its_number_for_its_process(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "sleeper.json"
    earlier = psutil.Process(sleeper.pid).create_time() - 3600

    ProcessRecord(sleeper.pid, earlier).write(path)

    assert ProcessRecord.read(path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1, "name": "x"}'])
def test_a_spoilt_record_is_no_record(text: str, tmp_path: Path) -> None:
    path = tmp_path / "spoilt.json"
    path.write_text(text)

    assert ProcessRecord.read(path) is None


def test_ends_a_polite_process_without_waiting_for_its_patience(
    sleeper: subprocess.Popen[bytes],
) -> None:
    started = time.monotonic()

    processes.end_tree(sleeper.pid, patience=30)

    assert sleeper.wait(1) == -signal.SIGTERM
    assert time.monotonic() - started < 5


def test_ends_a_stubborn_process_and_its_far_away_child(tmp_path: Path) -> None:
    log_path = tmp_path / "stubborn.log"
    parent = processes.start_apart(STUBBORN_PARENT, log_path=log_path)
    assert processes.wait_until(lambda: log_path.read_text().endswith("\n"), 10)
    child = psutil.Process(int(log_path.read_text()))

    processes.end_tree(parent.pid, patience=0.2)

    assert parent.wait(1) == -signal.SIGKILL
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_write_leaves_no_half_file_behind(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.json"

    processes.write_atomically(path, "one")
    processes.write_atomically(path, "two")

    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]


def test_the_memory_of_a_tree_leaves_out_who_is_counted_elsewhere(
    sleeper: subprocess.Popen[bytes],
) -> None:
    everything = processes.memory_of_tree(os.getpid())
    without = processes.memory_of_tree(os.getpid(), without=[sleeper.pid])

    assert 0 < without < everything
