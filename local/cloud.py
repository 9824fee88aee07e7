"""One local cloud: starts its servers, deploys the stage to them, and ends them again.

It lives as long as its AWS side runs. While that is up, ``make run`` keeps all data and brings up
to date only what changed. MiniStack's state is in memory (its snapshots are written at a clean end
only, and an execution that was running comes back as failed), and a database that outlived the
keys, secrets and executions that its rows speak of would be a lie. So when the AWS side has ended,
by ``make stop`` or otherwise, the next ``make run`` begins with an empty account, an empty database
and an empty fan platform.
"""

import contextlib
import fcntl
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local import aws, endpoints, processes, stripe
from local.deployment import Deployment, fingerprint
from local.postgres import EmbeddedPostgres
from local.processes import LocalCloudError, ProcessRecord
from local.settings import HOST, ROOT, LocalSettings
from local.worker import DRAIN_SECONDS

# The order in which they end: who sends first, who keeps the data last.
ENDING_ORDER = (
    *("supervisor", "worker", "fan_platform", "stripe", "identity_provider", "model_provider"),
    "aws",
)
# The AWS side would wait for calls that poll a queue; nothing of it outlives the process anyway.
_PATIENCE = {"aws": 2}
# The folder and the name of each.
_STAND_INS = {
    "fan_platform": ("fan_platform", "fan platform"),
    "stripe": ("stripe_stand_in", "stand-in for Stripe"),
    "identity_provider": ("identity_provider", "stand-in for identity providers"),
    "model_provider": ("model_provider", "stand-in for models"),
}
_MARKER = "This folder belongs to a local cloud of Huntaze: `make reset` deletes it.\n"


class LocalCloud:
    """The processes and the data of one local cloud."""

    def __init__(self, settings: LocalSettings) -> None:
        self.settings = settings
        self.postgres = EmbeddedPostgres(
            settings.postgres_dir,
            settings.postgres_port,
            log_path=settings.log_dir / "postgres.log",
        )
        self.deployment = Deployment(settings, self.postgres)

    def start(self) -> None:
        """Bring the whole cloud up to date; what is as it should be already is left alone."""
        with self._only_one_start():
            if not self._lives_on():
                self._begin_afresh()
            self._start_servers()
            self._deploy()
            self.deployment.set_model_keys()
            stripe.introduce(self.settings, self.deployment.output("ApiUrl"))
            self._write_endpoints()
            self._start_worker()

    def stop(self) -> None:
        """End every process of this cloud; its data stays until the next start."""
        for name in ENDING_ORDER:
            if (record := self.record(name)) is not None:
                with step(f"stopping {name}"):
                    processes.end_tree(record.pid, patience=_PATIENCE.get(name, DRAIN_SECONDS + 5))
            self._record_path(name).unlink(missing_ok=True)
        if self.postgres.pid is not None:
            with step("stopping postgres"):
                self.postgres.stop()
        endpoints.path_in(self.settings.data_dir).unlink(missing_ok=True)

    def reset(self) -> None:
        """End every process and delete the data folder.

        Raises:
            LocalCloudError: The folder holds something else than a local cloud.
        """
        self.stop()
        data_dir = self.settings.data_dir
        if not data_dir.exists():
            return
        if not self._marker.exists():
            raise LocalCloudError(f"{data_dir} was not made by `make run`: it is left as it is.")
        shutil.rmtree(data_dir)

    def record(self, name: str) -> ProcessRecord | None:
        """Return what is known of a running process of this cloud."""
        return ProcessRecord.read(self._record_path(name))

    @property
    def _marker(self) -> Path:
        return self.settings.data_dir / "README.txt"

    @property
    def _ports_path(self) -> Path:
        return self.settings.run_dir / "ports"

    def _record_path(self, name: str) -> Path:
        return self.settings.run_dir / f"{name}.json"

    @contextlib.contextmanager
    def _only_one_start(self) -> Iterator[None]:
        data_dir = self.settings.data_dir
        if data_dir.exists() and not self._marker.exists() and self._holds_strangers():
            raise LocalCloudError(
                f"{data_dir} holds something else: name an empty folder with HUNTAZE_DATA."
            )
        data_dir.mkdir(parents=True, exist_ok=True)
        self._marker.write_text(_MARKER)
        with (data_dir / "start.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LocalCloudError(
                    f"Another `make run` is starting the cloud in {data_dir}: wait for it."
                ) from None
            yield

    def _holds_strangers(self) -> bool:
        # Tests and synth keep their assets in the default folder before the first start.
        return any(path.name != "assets" for path in self.settings.data_dir.iterdir())

    def _aws_fingerprint(self) -> str:
        environment = aws.server_environment(self.settings)
        return fingerprint(("requirements.txt",), json.dumps(environment, sort_keys=True))

    def _lives_on(self) -> bool:
        """Tell whether the AWS side runs as it should; if not, all data goes with it."""
        record = self.record("aws")
        if record is None:
            return False
        self._refuse_other_ports()
        if record.fingerprint != self._aws_fingerprint():
            return False
        # A machine under load answers late: no reason to throw its data away.
        if not processes.wait_until(lambda: aws.is_healthy(self.settings), 30):
            raise LocalCloudError(
                f"MiniStack (process {record.pid}) runs but does not answer at"
                f" {self.settings.aws_url}: `make stop`, which ends this cloud, and run again."
            )
        return True

    def _refuse_other_ports(self) -> None:
        """Keep a second cloud, started without a folder of its own, from replacing the first."""
        running = self._ports_path.read_text() if self._ports_path.exists() else ""
        if running and running != self.settings.ports:
            raise LocalCloudError(
                f"A local cloud runs in {self.settings.data_dir} on the ports {running}: name"
                " another folder with HUNTAZE_DATA for a second one, or `make stop` the first."
            )

    def _begin_afresh(self) -> None:
        self.stop()
        settings = self.settings
        if settings.postgres_dir.exists():
            say("The AWS side has ended: beginning with an empty account and database.")
        for name, port in (
            ("AWS_PORT", settings.aws_port),
            ("POSTGRES_PORT", settings.postgres_port),
            ("FAN_PLATFORM_PORT", settings.fan_platform_port),
            ("STRIPE_PORT", settings.stripe_port),
            ("IDENTITY_PROVIDER_PORT", settings.identity_provider_port),
            ("MODEL_PROVIDER_PORT", settings.model_provider_port),
        ):
            if not processes.port_is_free(port):
                raise LocalCloudError(
                    f"Port {port} is taken by {processes.who_listens(port)}: stop it, or choose"
                    f" another port with {name}=… or all ports with HUNTAZE_PORT_BASE=…."
                )
        for folder in (
            *(settings.run_dir, settings.postgres_dir, settings.fan_platform_dir),
            *(settings.aws_dir, settings.stripe_dir, settings.data_dir / "worker"),
        ):
            shutil.rmtree(folder, ignore_errors=True)
        settings.outputs_path.unlink(missing_ok=True)
        self._set_old_logs_aside()

    def _set_old_logs_aside(self) -> None:
        if self.settings.log_dir.exists():
            old = self.settings.data_dir / "logs.previous"
            shutil.rmtree(old, ignore_errors=True)
            self.settings.log_dir.rename(old)

    def _start_servers(self) -> None:
        """Start what does not run, side by side: most of it is waiting."""
        processes.write_atomically(self._ports_path, self.settings.ports)
        with ThreadPoolExecutor() as pool:
            steps = [
                pool.submit(self._start_aws),
                pool.submit(self._start_postgres),
                pool.submit(self._start_fan_platform),
                pool.submit(self._start_stripe),
                pool.submit(self._start_identity_provider),
                pool.submit(self._start_model_provider),
            ]
            if not self.deployment.is_synthesised:
                steps.append(pool.submit(timed, "cdk synth", self.deployment.synthesise))
            for each in steps:
                each.result()

    def _start_aws(self) -> None:
        if self.record("aws") is None:
            with step(f"AWS (MiniStack) on port {self.settings.aws_port}"):
                server = aws.start(self.settings)
                record = ProcessRecord.of(server.pid, self._aws_fingerprint())
                record.write(self._record_path("aws"))
                aws.wait_for(self.settings, server)
        if not self.deployment.is_bootstrapped:
            timed("cdk bootstrap", self.deployment.bootstrap)

    def _start_postgres(self) -> None:
        if self.postgres.pid is None:
            timed(f"PostgreSQL on port {self.settings.postgres_port}", self.postgres.start)

    def _start_fan_platform(self) -> None:
        self._start_stand_in(
            "fan_platform", self.settings.fan_platform_url, self.settings.fan_platform_dir
        )

    def _start_stripe(self) -> None:
        if self.settings.stripe_url is not None:
            self._start_stand_in("stripe", self.settings.stripe_url, self.settings.stripe_dir)

    def _start_identity_provider(self) -> None:
        settings = self.settings
        self._start_stand_in(
            "identity_provider", settings.identity_provider_url, settings.identity_provider_dir
        )

    def _start_model_provider(self) -> None:
        if self.settings.model_provider_url is not None:
            self._start_stand_in(
                "model_provider",
                self.settings.model_provider_url,
                self.settings.model_provider_dir,
            )

    def _start_stand_in(self, name: str, url: str, data: Path) -> None:
        """Start a web application of our own that stands in for somebody else's."""
        module, title = _STAND_INS[name]
        wanted = fingerprint((f"local/{module}",), url)
        record = self.record(name)
        if record is not None and record.fingerprint == wanted:
            return
        if record is not None:
            processes.end_tree(record.pid)
        port = url.rpartition(":")[2]
        with step(f"{title} on port {port}"):
            log_path = self.settings.log_dir / f"{name}.log"
            server = processes.start_apart(
                [
                    *(sys.executable, "-m", f"local.{module}", "--host", HOST),
                    *("--port", port, "--data", str(data)),
                ],
                log_path=log_path,
                cwd=ROOT,
            )
            ProcessRecord.of(server.pid, wanted).write(self._record_path(name))
            if (
                not processes.wait_until(
                    lambda: server.poll() is not None or aws.answers(f"{url}/"), 30
                )
                or server.poll() is not None
            ):
                raise LocalCloudError(
                    f"The {title} did not answer at {url}; its last words:\n"
                    + processes.last_lines(log_path)
                )

    def _deploy(self) -> None:
        if self.deployment.is_current:
            say("stacks: nothing has changed since the last deployment")
        else:
            timed("cdk deploy", self.deployment.deploy)

    def _write_endpoints(self) -> None:
        api_url = self.deployment.output("ApiUrl").rstrip("/")
        endpoints.update(
            self.settings.data_dir,
            api_url=api_url,
            docs_url=f"{api_url}/api/docs",
            realtime_url=self.deployment.output("RealtimeUrl"),
            fan_platform_url=self.settings.fan_platform_url,
            identity_provider_url=self.settings.identity_provider_url,
            model_provider_url=self.settings.model_provider_url,
            stripe_url=self.settings.stripe_url,
            aws_endpoint_url=self.settings.aws_url,
            database_url=self.deployment.database_url(),
            log_dir=str(self.settings.log_dir),
        )

    def _start_worker(self) -> None:
        wanted = fingerprint(
            ("containers/browser_worker", "layers/common", "local/worker.py"),
            self.deployment.output("WorkerTaskRoleArn")
            + self.deployment.output("WorkerEnvironment"),
        )
        supervisor, worker = self.record("supervisor"), self.record("worker")
        if supervisor is not None and worker is not None and supervisor.fingerprint == wanted:
            return
        with step("browser worker"):
            for record in (supervisor, worker):
                if record is not None:
                    processes.end_tree(record.pid, patience=DRAIN_SECONDS + 5)
            self._record_path("worker").unlink(missing_ok=True)
            server = processes.start_apart(
                [sys.executable, "-m", "local", "supervise"],
                log_path=self.settings.log_dir / "supervisor.log",
                cwd=ROOT,
            )
            ProcessRecord.of(server.pid, wanted).write(self._record_path("supervisor"))
            self._wait_for_worker()

    def _wait_for_worker(self) -> None:
        """Wait until the worker has stayed up for a moment, or say how it ended."""
        if not processes.wait_until(lambda: self.record("worker") is not None, 20):
            raise LocalCloudError(
                "The worker's supervisor did not start it; its last words:\n"
                + processes.last_lines(self.settings.log_dir / "supervisor.log")
            )
        first = self.record("worker")
        time.sleep(1.5)
        if first is None or not first.is_running():
            raise LocalCloudError(
                "The browser worker ended as soon as it had started; its last words:\n"
                + processes.last_lines(self.settings.log_dir / "worker.log", 15)
            )


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Print one line for a step: what was done and how long it took."""
    started = time.monotonic()
    try:
        yield
    except BaseException:
        say(f"{name:<44}{time.monotonic() - started:5.1f} s  failed")
        raise
    say(f"{name:<44}{time.monotonic() - started:5.1f} s")


def timed(name: str, action: Callable[[], object]) -> None:
    """Run one step and print its line."""
    with step(name):
        action()


def say(line: str) -> None:
    """Print a line of the launcher; whole, because steps run side by side."""
    sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()
