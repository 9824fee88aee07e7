"""The AWS side of the local cloud: MiniStack, with IAM enforced.

MiniStack runs functions with its own environment, so it is started with a clean one: nothing that a
developer's shell holds (a profile, a provider's key, a PYTHONPATH) reaches a function.
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from local import processes
from local.processes import LocalCloudError
from local.settings import HOST, REGION, ROOT, TOOLS, LocalSettings

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sts import STSClient

_START_SECONDS = 60
# The account's root user, as MiniStack knows it.
_ROOT_USER = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def server_environment(settings: LocalSettings) -> dict[str, str]:
    """Return the whole environment that MiniStack runs with."""
    home, scratch = settings.aws_dir / "home", settings.aws_dir / "tmp"
    for folder in (home, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        **clean_environment(home),
        "TMPDIR": str(scratch),
        "AUTH": "true",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(settings.aws_port),
        "MINISTACK_REGION": REGION,
        "SFN_WAIT_SCALE": settings.wait_scale,
        "LAMBDA_EXECUTOR": "local",
        # Nobody speaks these; a second instance would find their ports taken.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # It would remove containers of other emulators on this machine when it starts.
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
    }


def clean_environment(home: Path) -> dict[str, str]:
    """Return the little of this process's environment that a server may inherit."""
    wanted = ("PATH", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
    kept = {name: os.environ[name] for name in wanted if name in os.environ}
    # A developer's own AWS profile must never decide where a local process calls.
    return {**kept, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}


def root_environment(settings: LocalSettings) -> dict[str, str]:
    """Return the environment of a tool that deploys to the local cloud, and nowhere else."""
    home = settings.aws_dir / "home"
    return {
        **clean_environment(home),
        **_ROOT_USER,
        "PATH": f"{TOOLS / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": settings.aws_url,
        "AWS_ENDPOINT_URL_S3": settings.aws_url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def start(settings: LocalSettings) -> subprocess.Popen[bytes]:
    """Start MiniStack."""
    return processes.start_apart(
        [sys.executable, str(ROOT / "local" / "aws_server.py")],
        log_path=_log_path(settings),
        env=server_environment(settings),
        cwd=settings.aws_dir,
    )


def wait_for(settings: LocalSettings, server: subprocess.Popen[bytes]) -> None:
    """Wait until MiniStack answers.

    Raises:
        LocalCloudError: It has ended, or takes too long.
    """

    def answers_or_ended() -> bool:
        return server.poll() is not None or is_healthy(settings)

    if not processes.wait_until(answers_or_ended, _START_SECONDS) or server.poll() is not None:
        processes.end_tree(server.pid)
        raise LocalCloudError(
            f"MiniStack did not answer at {settings.aws_url}; its last words:\n"
            + processes.last_lines(_log_path(settings))
        )


def is_healthy(settings: LocalSettings) -> bool:
    """Tell whether MiniStack answers."""
    return answers(f"{settings.aws_url}/_ministack/health")


def answers(url: str, timeout: float = 2) -> bool:
    """Tell whether a server answers at ``url``, with whatever status."""
    try:
        with urllib.request.urlopen(url, timeout=timeout):  # noqa: S310 - our own servers
            return True
    except urllib.error.HTTPError as answer:
        answer.close()
        return True
    except OSError:
        return False


def secrets_client(settings: LocalSettings) -> "SecretsManagerClient":
    """Return a client with the rights of the account's root user."""
    return _session(_ROOT_USER).client("secretsmanager", endpoint_url=settings.aws_url)


def logs_client(settings: LocalSettings) -> BaseClient:
    """Return a client with the rights of the account's root user."""
    client: BaseClient = _session(_ROOT_USER).client("logs", endpoint_url=settings.aws_url)
    return client


def sts_client(settings: LocalSettings) -> "STSClient":
    """Return a client with the rights of the account's root user."""
    patient = Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=10)
    return _session(_ROOT_USER).client("sts", endpoint_url=settings.aws_url, config=patient)


def _session(user: Mapping[str, str]) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=user["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=user["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def _log_path(settings: LocalSettings) -> Path:
    return settings.log_dir / "aws.log"
