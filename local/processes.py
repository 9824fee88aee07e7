"""Processes of the local cloud: who is alive, how to start one apart, how to end it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

# The kernel counts a process's start from a boot time that clock corrections may move a little.
_SAME_START_SECONDS = 5


class LocalCloudError(Exception):
    """Something a person has to put right; the message says what and how."""


@dataclass(frozen=True)
class ProcessRecord:
    """A process that was started apart: enough to know it again later.

    The start time tells it from a stranger who got its number after it had ended. The fingerprint
    stands for what it runs, so that a later start can tell whether it is still the right thing.
    """

    pid: int
    started_at: float
    fingerprint: str = ""

    @classmethod
    def of(cls, pid: int, fingerprint: str = "") -> "ProcessRecord":
        """Describe the running process ``pid``."""
        try:
            return cls(pid, psutil.Process(pid).create_time(), fingerprint)
        except psutil.Error:
            return cls(pid, 0, fingerprint)

    @classmethod
    def read(cls, path: Path) -> "ProcessRecord | None":
        """Return the record in ``path`` if its process is still alive."""
        try:
            record = cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return record if record.is_running() else None

    def write(self, path: Path) -> None:
        """Keep the record in ``path``."""
        write_atomically(path, json.dumps(asdict(self)))

    def is_running(self) -> bool:
        """Tell whether this very process is alive."""
        try:
            process = psutil.Process(self.pid)
            started_at: float = process.create_time()
            zombie = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False
        return not zombie and abs(started_at - self.started_at) < _SAME_START_SECONDS


def runs_with_argument(pid: int, argument: str) -> bool:
    """Tell whether ``pid`` is alive and was started with ``argument`` on its command line."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and argument in process.cmdline()
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


def end_tree(pid: int, *, first: signal.Signals = signal.SIGTERM, patience: float = 10) -> None:
    """End ``pid`` with its descendants and its process group.

    The leader alone is asked, with ``first``, and given ``patience`` seconds to end its own
    children in good order; whatever is left then is killed.
    """
    family = _family(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, first)
    wait_until(lambda: not any(_lives(member) for member in family if member.pid == pid), patience)
    # Children of a leader that was killed have a moment to notice; then they are killed too.
    wait_until(lambda: not any(_lives(member) for member in family), 0.5)
    for member in {*family, *_family(pid)}:
        with contextlib.suppress(psutil.Error):
            member.kill()
    wait_until(lambda: not any(_lives(member) for member in family), 5)


def memory_of_tree(pid: int, *, without: Collection[int] = ()) -> int:
    """Return the bytes that ``pid`` and its descendants take, shared pages counted once.

    Args:
        pid: The process.
        without: Descendants to leave out, with all of their own.
    """
    total = 0
    for member in _family(pid).difference(*(_family(other) for other in without)):
        with contextlib.suppress(psutil.Error):
            usage = member.memory_full_info()
            total += getattr(usage, "pss", usage.uss)
    return total


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


def who_listens(port: int) -> str:
    """Name the program that listens on ``port``, as far as the system tells."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
    return "another program"


def last_lines(path: Path, count: int = 8) -> str:
    """Return the end of a log file, for an error message."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])


def write_atomically(path: Path, text: str) -> None:
    """Replace ``path`` so that a reader sees the old text or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    scratch.write_text(text)
    scratch.replace(path)


def _family(pid: int) -> set[psutil.Process]:
    """The process, its descendants, and who else is in its process group."""
    family = set()
    with contextlib.suppress(psutil.Error):
        leader = psutil.Process(pid)
        family = {leader, *leader.children(recursive=True)}
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getpgid(process.pid) == pid:
                family.add(process)
    return family


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
