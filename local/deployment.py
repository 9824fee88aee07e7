"""Deploys the stage ``local`` with the CDK's own command line, as any stage is deployed.

The one step that AWS takes by itself: RDS sets the database's master password to the one in its
secret. So the stack that makes the secret goes first, and the launcher sets the password.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from local import aws, oauth, processes
from local.postgres import EmbeddedPostgres
from local.processes import LocalCloudError
from local.settings import ACCOUNT, HOST, REGION, ROOT, TOOLS, LocalSettings

DATABASE_STACK = "Huntaze-local-Database"
_MASTER_SECRET = "huntaze/local/database/master"  # noqa: S105 - its name, not its content

_OAUTH_SECRET = "huntaze/local/oauth-clients"  # noqa: S105 - as above
_AI_KEYS_SECRET = "huntaze/local/ai/keys"  # noqa: S105 - as above

# Everything that decides what the stacks hold; a change here means synth and deploy.
_SOURCES = ("cdk_app.py", "cdk.json", "requirements.txt", "stacks", "functions", "layers")
_MORE_SOURCES = ("migrations", "containers")

_QUIET = {
    "CI": "true",  # progress goes to standard output, one line an event
    "CDK_DISABLE_VERSION_CHECK": "true",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "true",
    "NO_COLOR": "1",
}


class Deployment:
    """The stacks of the stage ``local`` in one local cloud."""

    def __init__(self, settings: LocalSettings, postgres: EmbeddedPostgres) -> None:
        self._settings = settings
        self._postgres = postgres
        self._synth_stamp = settings.assembly_dir / ".fingerprint"
        self._bootstrap_stamp = settings.run_dir / "bootstrapped"
        self._deploy_stamp = settings.run_dir / "deployed"
        self.fingerprint = fingerprint(
            (*_SOURCES, *_MORE_SOURCES), json.dumps(self._context(), sort_keys=True)
        )

    @property
    def is_current(self) -> bool:
        """Whether what is deployed is what the sources say."""
        return self._settings.outputs_path.exists() and _holds(self._deploy_stamp, self.fingerprint)

    @property
    def is_synthesised(self) -> bool:
        """Whether the assembly is what the sources say."""
        return _holds(self._synth_stamp, self.fingerprint)

    @property
    def is_bootstrapped(self) -> bool:
        """Whether the account has the CDK's own bucket."""
        return self._bootstrap_stamp.exists()

    def bootstrap(self) -> None:
        """Run ``cdk bootstrap``: assets need a bucket to go to."""
        # Away from cdk.json, or it would run the app first.
        self._cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", cwd=self._settings.run_dir)
        self._bootstrap_stamp.touch()

    def synthesise(self) -> None:
        """Run ``cdk synth``; every deployment after it reads what it wrote."""
        self._synth_stamp.unlink(missing_ok=True)
        context = [part for item in self._context().items() for part in ("-c", "=".join(item))]
        self._cdk(
            *("synth", "--quiet", "--app", f'"{sys.executable}" cdk_app.py'),
            *("--output", str(self._settings.assembly_dir), *context),
        )
        processes.write_atomically(self._synth_stamp, self.fingerprint)

    def deploy(self) -> None:
        """Deploy every stack; the database's password is set before anything needs it."""
        self._deploy_stamp.unlink(missing_ok=True)
        self._cdk_deploy(DATABASE_STACK, "--exclusively")
        self.set_master_password()
        # Each stack of a path waits for the one before it; the others go side by side.
        self._cdk_deploy(
            *("--all", "--concurrency", "4", "--asset-parallelism", "true"),
            *("--outputs-file", str(self._settings.outputs_path)),
        )
        self.set_client_secrets()
        processes.write_atomically(self._deploy_stamp, self.fingerprint)

    def set_master_password(self) -> None:
        """Give the database's master user the password of its secret, as RDS does."""
        client = aws.secrets_client(self._settings)
        secret = json.loads(client.get_secret_value(SecretId=_MASTER_SECRET)["SecretString"])
        self._postgres.set_password(secret["username"], secret["password"])

    def set_client_secrets(self) -> None:
        """Say what proves to the providers of logins who we are, as an operator does."""
        text = json.dumps(oauth.client_secrets(os.environ))
        aws.secrets_client(self._settings).put_secret_value(
            SecretId=_OAUTH_SECRET, SecretString=text
        )

    def set_model_keys(self) -> None:
        """Say which keys the providers of models gave us, as an operator does."""
        client = aws.secrets_client(self._settings)
        made = json.loads(client.get_secret_value(SecretId=_AI_KEYS_SECRET)["SecretString"])
        text = json.dumps({**made, **self._settings.models.keys()})
        client.put_secret_value(SecretId=_AI_KEYS_SECRET, SecretString=text)

    def database_url(self) -> str:
        """Return the master user's address of the database, for a person with psql."""
        client = aws.secrets_client(self._settings)
        secret = json.loads(client.get_secret_value(SecretId=_MASTER_SECRET)["SecretString"])
        return self._postgres.dsn(
            secret["password"], user=secret["username"], database=secret["dbname"]
        )

    def output(self, name: str) -> str:
        """Return the stack output called ``name``.

        Raises:
            LocalCloudError: No stack has such an output.
        """
        stacks: dict[str, dict[str, str]] = json.loads(self._settings.outputs_path.read_text())
        for outputs in stacks.values():
            if name in outputs:
                return outputs[name]
        raise LocalCloudError(f"No stack has the output {name}; see {self._settings.outputs_path}.")

    def _context(self) -> dict[str, str]:
        settings, real = self._settings, oauth.real_client_ids(os.environ)
        return {
            "stage": "local",
            "database_host": HOST,
            "database_port": str(settings.postgres_port),
            "fan_platform_url": settings.fan_platform_url,
            "aws_endpoint_url": settings.aws_url,
            "stripe_api_base": settings.stripe_url or "",
            **settings.models.context(settings.model_provider_url or ""),
            "slack_hooks_origin": settings.identity_provider_url,
            **{f"{name}_client_id": client_id for name, client_id in real.items()},
            "oauth_stand_ins": oauth.provider_settings(settings.identity_provider_url, real),
        }

    def _cdk_deploy(self, *arguments: str) -> None:
        self._cdk(
            *("deploy", "--app", str(self._settings.assembly_dir)),
            *("--require-approval", "never", "--method", "direct", "--progress", "events"),
            *arguments,
        )

    def _cdk(self, *arguments: str, cwd: Path = ROOT) -> None:
        command = [str(TOOLS / "bin" / "cdk"), *arguments, "--no-notices", "--no-color"]
        environment = {**aws.root_environment(self._settings), **_QUIET}
        log_path = self._settings.log_dir / f"cdk-{arguments[0]}.log"
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("a") as log:
            log.write(f"\n$ cdk {' '.join(arguments)}\n")
            log.flush()
            done = subprocess.run(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            raise LocalCloudError(
                f"cdk {arguments[0]} failed; the whole story is in {log_path}, its end:\n"
                + processes.last_lines(log_path, 15)
            )


def fingerprint(sources: Iterable[str], extra: str = "") -> str:
    """Return a hash of the files below ``sources``, which are paths from the repository's root."""
    digest = hashlib.sha256(extra.encode())
    for source in sources:
        for path in _files(ROOT / source):
            digest.update(f"{path.relative_to(ROOT)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    return sorted(
        file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts
    )


def _holds(stamp: Path, text: str) -> bool:
    return stamp.exists() and stamp.read_text() == text
