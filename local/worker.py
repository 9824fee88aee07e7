"""Stands in for ECS: runs the browser worker as its task role and starts it again when it dies.

As on ECS, the worker asks an address in its environment for the credentials of its task role, and
asks again before they expire. It never sees the launcher's own rights.
"""

import datetime as dt
import hmac
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from local import aws, endpoints, processes
from local.processes import ProcessRecord
from local.settings import HOST, REGION, ROOT, TOOLS, LocalSettings

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

# A container that stops gets SIGTERM, 30 s to finish its sends, then SIGKILL.
DRAIN_SECONDS = 35
# Started again at once, but one that cannot start at all must not spin.
_RESTART_SECONDS = 1

_SESSION_SECONDS = 3600
# boto3 asks again when less than 15 minutes are left: what it gets then must last longer.
_RENEW_BEFORE = dt.timedelta(minutes=30)


class TaskCredentials:
    """The credentials of one role, renewed before they run out.

    Args:
        client: Who may assume the role.
        role_arn: The task role.
    """

    def __init__(self, client: "STSClient", role_arn: str) -> None:
        self._client = client
        self._role_arn = role_arn
        self._lock = threading.Lock()
        self._current: dict[str, str] = {}
        self._expires_at = dt.datetime.min.replace(tzinfo=dt.UTC)

    def current(self) -> dict[str, str]:
        """Return credentials in the shape of the ECS agent."""
        with self._lock:
            if self._expires_at - dt.datetime.now(dt.UTC) < _RENEW_BEFORE:
                self._renew()
            return self._current

    def _renew(self) -> None:
        answer = self._client.assume_role(
            RoleArn=self._role_arn,
            RoleSessionName="browser-worker",
            DurationSeconds=_SESSION_SECONDS,
        )
        granted = answer["Credentials"]
        self._expires_at = granted["Expiration"]
        self._current = {
            "RoleArn": self._role_arn,
            "AccessKeyId": granted["AccessKeyId"],
            "SecretAccessKey": granted["SecretAccessKey"],
            "Token": granted["SessionToken"],
            "Expiration": granted["Expiration"].astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


class CredentialsServer:
    """Hands a task's credentials to whoever knows its token, as the ECS agent does."""

    def __init__(self, credentials: TaskCredentials) -> None:
        self._token = secrets.token_urlsafe(32)
        self._server = ThreadingHTTPServer((HOST, 0), _handler(credentials, self._token))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in order to ask for the credentials."""
        port = self._server.server_address[1]
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{HOST}:{port}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class Supervisor:
    """Keeps one browser worker running until it is told to stop.

    Args:
        settings: The local cloud.
        environment: The whole environment of the worker.
        command: What to run.
    """

    def __init__(
        self,
        settings: LocalSettings,
        environment: Mapping[str, str],
        command: Sequence[str] = (sys.executable, "-m", "browser_worker"),
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._command = command
        self._stopping = threading.Event()

    def run(self) -> None:
        """Start the worker and start it again whenever it ends, until ``stop``; then drain it."""
        while not self._stopping.is_set():
            self._live_once()

    def stop(self) -> None:
        """Let ``run`` drain the worker and return."""
        self._stopping.set()

    def _live_once(self) -> None:
        started = time.monotonic()
        worker = self._start()
        log(f"worker {worker.pid} started")
        while worker.poll() is None and not self._stopping.wait(0.1):
            pass
        if self._stopping.is_set():
            log(f"worker {worker.pid} is asked to finish")
            processes.end_tree(worker.pid, patience=DRAIN_SECONDS)
            worker.wait()
            self._announce(None)
            return
        # What a killed worker left behind ends with its container on ECS.
        processes.end_tree(worker.pid)
        lived = time.monotonic() - started
        log(f"worker {worker.pid} ended with {worker.returncode} after {lived:.1f} s")
        self._stopping.wait(_RESTART_SECONDS)

    def _start(self) -> subprocess.Popen[bytes]:
        worker = processes.start_apart(
            self._command,
            log_path=self._settings.log_dir / "worker.log",
            env=self._environment,
            cwd=worker_home(self._settings),
        )
        self._announce(worker.pid)
        return worker

    def _announce(self, pid: int | None) -> None:
        record = self._settings.run_dir / "worker.json"
        if pid is None:
            record.unlink(missing_ok=True)
        else:
            ProcessRecord.of(pid).write(record)
        endpoints.update(self._settings.data_dir, worker_pid=pid)


def supervise(settings: LocalSettings, *, role_arn: str, environment: Mapping[str, str]) -> None:
    """Keep the browser worker running as its task role until SIGTERM.

    Args:
        settings: The local cloud.
        role_arn: The worker's task role.
        environment: The worker's settings, from the stack that defines it.
    """
    server = CredentialsServer(TaskCredentials(aws.sts_client(settings), role_arn))
    supervisor = Supervisor(
        settings, {**worker_environment(settings), **environment, **server.environment}
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    try:
        supervisor.run()
    finally:
        server.close()


def worker_environment(settings: LocalSettings) -> dict[str, str]:
    """Return what the worker's image and ECS would give it beside its settings."""
    return {
        **aws.clean_environment(worker_home(settings)),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": settings.aws_url,
        "PYTHONPATH": os.pathsep.join(
            (str(ROOT / "containers"), str(ROOT / "layers" / "common" / "python"))
        ),
        "PYTHONUNBUFFERED": "1",
        "HEARTBEAT_FILE": str(worker_home(settings) / "heartbeat"),
        "CHROMIUM_EXECUTABLE": (TOOLS / "chromium-executable").read_text().strip(),
    }


def worker_home(settings: LocalSettings) -> Path:
    """Return the folder that the worker runs in; nothing to import lies there."""
    home = settings.data_dir / "worker"
    home.mkdir(parents=True, exist_ok=True)
    return home


def log(line: str) -> None:
    """Write one line to the supervisor's log."""
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S} {line}", flush=True)


def _handler(credentials: TaskCredentials, token: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not hmac.compare_digest(self.headers.get("Authorization", ""), token):
                self.send_error(HTTPStatus.FORBIDDEN)
                return
            try:
                body = json.dumps(credentials.current()).encode()
            except Exception as error:
                # Whatever it was: the worker asks again after an answer of 500.
                log(f"the task role's credentials could not be renewed: {error}")
                self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing of requests that went well."""

    return Handler
