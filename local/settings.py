"""Where one local cloud keeps its data and which ports it takes, read from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.processes import LocalCloudError

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"

HOST = "127.0.0.1"
ACCOUNT = "000000000000"
REGION = "us-east-1"

# Each server's distance from the base port.
_OFFSETS = {
    "AWS_PORT": 0,
    "POSTGRES_PORT": 1,
    "FAN_PLATFORM_PORT": 2,
    "MODEL_PROVIDER_PORT": 3,
    "STRIPE_PORT": 4,
    "IDENTITY_PROVIDER_PORT": 5,
}


@dataclass(frozen=True)
class LocalSettings:
    """The facts of one local cloud. Two with other ports and folders run side by side."""

    data_dir: Path
    aws_port: int
    postgres_port: int
    fan_platform_port: int
    model_provider_port: int
    stripe_port: int
    identity_provider_port: int
    wait_scale: str
    # Set, Stripe itself takes the place of the stand-in.
    stripe_api_key: str | None = field(default=None, repr=False)
    stripe_webhook_secret: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "LocalSettings":
        """Read ``HUNTAZE_DATA``, ``HUNTAZE_PORT_BASE`` and what overrides a single port.

        Raises:
            LocalCloudError: A port is not a port, or two servers would share one.
        """
        base = _port(environment, "HUNTAZE_PORT_BASE", 4566)
        ports = {name: _port(environment, name, base + away) for name, away in _OFFSETS.items()}
        if len(set(ports.values())) < len(ports):
            taken = ", ".join(f"{name}={port}" for name, port in ports.items())
            raise LocalCloudError(f"Each server needs a port of its own, but: {taken}.")
        return cls(
            data_dir=(ROOT / (environment.get("HUNTAZE_DATA") or ".local")).resolve(),
            aws_port=ports["AWS_PORT"],
            postgres_port=ports["POSTGRES_PORT"],
            fan_platform_port=ports["FAN_PLATFORM_PORT"],
            model_provider_port=ports["MODEL_PROVIDER_PORT"],
            stripe_port=ports["STRIPE_PORT"],
            stripe_api_key=environment.get("STRIPE_API_KEY") or None,
            stripe_webhook_secret=environment.get("STRIPE_WEBHOOK_SECRET") or None,
            identity_provider_port=ports["IDENTITY_PROVIDER_PORT"],
            wait_scale=environment.get("SFN_WAIT_SCALE") or "1",
        )

    @property
    def ports(self) -> str:
        """The ports of the servers, to tell one local cloud from another."""
        ports = (self.aws_port, self.postgres_port, self.fan_platform_port, self.stripe_port)
        return ", ".join(map(str, ports))

    @property
    def aws_url(self) -> str:
        """The one address of every AWS service."""
        return f"http://{HOST}:{self.aws_port}"

    @property
    def fan_platform_url(self) -> str:
        """The address of the fake fan platform."""
        return f"http://{HOST}:{self.fan_platform_port}"

    @property
    def stripe_url(self) -> str | None:
        """The address of the stand-in for Stripe; None when Stripe itself is called."""
        return None if self.stripe_api_key else f"http://{HOST}:{self.stripe_port}"

    @property
    def stripe_dir(self) -> Path:
        """What the stand-in for Stripe knows."""
        return self.data_dir / "stripe"

    @property
    def identity_provider_dir(self) -> Path:
        """Where what stands in for Google and GitHub may write; it keeps all in memory."""
        return self.data_dir / "identity_provider"

    @property
    def identity_provider_url(self) -> str:
        """The address of what stands in for Google and GitHub."""
        return f"http://{HOST}:{self.identity_provider_port}"

    @property
    def log_dir(self) -> Path:
        """One ``*.log`` a process."""
        return self.data_dir / "logs"

    @property
    def postgres_dir(self) -> Path:
        """The database cluster."""
        return self.data_dir / "postgres"

    @property
    def fan_platform_dir(self) -> Path:
        """The fan platform's truth."""
        return self.data_dir / "fan_platform"

    @property
    def aws_dir(self) -> Path:
        """Scratch space of the AWS side: unpacked functions and layers."""
        return self.data_dir / "aws"

    @property
    def run_dir(self) -> Path:
        """What runs now: a record for each process."""
        return self.data_dir / "run"

    @property
    def assembly_dir(self) -> Path:
        """What ``cdk synth`` wrote."""
        return self.data_dir / "cdk.out"

    @property
    def outputs_path(self) -> Path:
        """The outputs of the deployed stacks."""
        return self.data_dir / "outputs.json"


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise LocalCloudError(f"{name}={text} is no port: give a number from 1024 to 65535.")
    return int(text)
