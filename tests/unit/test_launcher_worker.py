import datetime as dt
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import endpoints, processes
from local.settings import LocalSettings
from local.worker import CredentialsServer, Supervisor, TaskCredentials

ROLE = "arn:aws:iam::000000000000:role/Worker"
# Says goodbye when asked to end, as a worker that drains.
POLITE_WORKER = (
    sys.executable,
    "-c",
    "import signal, sys, time;"
    "signal.signal(signal.SIGTERM, lambda *_: (print('drained', flush=True), sys.exit(0)));"
    "print('ready', flush=True);"
    "time.sleep(60)",
)


class CountingSts:
    """Grants a numbered session at each call."""

    def __init__(self, lasts: dt.timedelta) -> None:
        self.calls = 0
        self._lasts = lasts

    def assume_role(self, **asked: Any) -> dict[str, Any]:
        """Answer as STS does."""
        assert asked["RoleArn"] == ROLE
        self.calls += 1
        return {
            "Credentials": {
                "AccessKeyId": f"key-{self.calls}",
                "SecretAccessKey": "secret",
                "SessionToken": "token",
                "Expiration": dt.datetime.now(dt.UTC) + self._lasts,
            }
        }


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    return LocalSettings.from_environment({"HUNTAZE_DATA": str(tmp_path)})


@pytest.fixture
def supervisor(settings: LocalSettings) -> Iterator[Supervisor]:
    supervisor = Supervisor(settings, {"PATH": os.environ["PATH"]}, POLITE_WORKER)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    yield supervisor
    supervisor.stop()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize(("minutes", "calls"), [(60, 1), (29, 3)])
def test_credentials_are_renewed_only_when_they_run_out_soon(minutes: int, calls: int) -> None:
    sts = CountingSts(dt.timedelta(minutes=minutes))
    credentials = TaskCredentials(sts, ROLE)  # type: ignore[arg-type]

    answers = [credentials.current() for _ in range(3)]

    assert sts.calls == calls
    assert answers[-1]["AccessKeyId"] == f"key-{calls}"
    assert answers[-1].keys() == {
        *("RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration")
    }


@pytest.mark.enable_socket
def test_credentials_go_only_to_who_knows_the_token() -> None:
    credentials = TaskCredentials(CountingSts(dt.timedelta(hours=1)), ROLE)  # type: ignore[arg-type]
    with closing(CredentialsServer(credentials)) as server:
        url = server.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        token = server.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]

        granted = httpx.get(url, headers={"Authorization": token})
        assert granted.json()["AccessKeyId"] == "key-1"
        assert httpx.get(url).status_code == 403
        assert httpx.get(url, headers={"Authorization": "guess"}).status_code == 403


def test_a_killed_worker_is_back_within_five_seconds(
    supervisor: Supervisor, settings: LocalSettings
) -> None:
    def pid() -> int | None:
        found: int | None = endpoints.read(settings.data_dir).get("worker_pid")
        return found

    assert processes.wait_until(lambda: pid() is not None, 5)
    first = pid()
    assert first is not None
    os.kill(first, signal.SIGKILL)

    assert processes.wait_until(lambda: pid() not in {None, first}, 5)
    second = pid()
    log = settings.log_dir / "worker.log"
    assert processes.wait_until(lambda: log.read_text().count("ready") >= 1, 5)

    supervisor.stop()
    assert processes.wait_until(lambda: pid() is None, 5)
    assert second is not None
    assert not processes.runs_with_argument(second, POLITE_WORKER[2])


def test_a_worker_that_is_stopped_may_finish_first(
    supervisor: Supervisor, settings: LocalSettings
) -> None:
    log = settings.log_dir / "worker.log"
    assert processes.wait_until(lambda: log.exists() and "ready" in log.read_text(), 5)

    supervisor.stop()

    assert processes.wait_until(lambda: "drained" in log.read_text(), 5)
