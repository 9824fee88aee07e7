"""Processes of the local cloud: who is alive, how to start one apart, how to end it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]


class LocalCloudError(Exception):
    """Something a person has to put right; the message says what and how."""


def is_running(pid: int, marker: str) -> bool:
    """Tell whether ``pid`` is alive and still the program whose command line holds ``marker``.

    A pid file outlives its process, and the number may belong to someone else by now.
    """
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and any(
            marker in argument for argument in process.cmdline()
        )
    except psutil.Error:
        return False


def start_apart(
    command: Sequence[str],
    *,
    log_path: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own, so that it outlives this program.

    Its session is also its process group: ending the group ends its children too.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )


def end_group(pid: int, *, first: signal.Signals = signal.SIGTERM, patience: float = 10) -> None:
    """End the process group that ``pid`` leads: ask with ``first``, then kill what is left."""
    members = _group_members(pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, first)
    if not wait_until(lambda: not any(_lives(member) for member in members), patience):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        wait_until(lambda: not any(_lives(member) for member in members), 5)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait up to ``seconds`` for ``condition``; return whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def last_lines(path: Path, count: int = 8) -> str:
    """Return the end of a log file, for an error message."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])


def _group_members(group: int) -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getpgid(process.pid) == group:
                members.append(process)
    return members


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
