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
class ModelSettings:
    """Who works as OpenAI and Azure OpenAI: themselves, as far as there are keys, or a stand-in."""

    openai_key: str = field(default="", repr=False)
    openai_base_url: str = ""
    azure_key: str = field(default="", repr=False)
    azure_endpoint: str = ""
    azure_api_version: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ModelSettings":
        """Read the variables that the providers' own package reads.

        Raises:
            LocalCloudError: There is a key for Azure and no endpoint, or the other way round.
        """
        read = cls(
            openai_key=environment.get("OPENAI_API_KEY", ""),
            openai_base_url=environment.get("OPENAI_BASE_URL", ""),
            azure_key=environment.get("AZURE_OPENAI_API_KEY", ""),
            azure_endpoint=environment.get("AZURE_OPENAI_ENDPOINT", ""),
            azure_api_version=environment.get("AZURE_OPENAI_API_VERSION", ""),
        )
        if bool(read.azure_key) != bool(read.azure_endpoint):
            raise LocalCloudError(
                "Azure OpenAI needs both AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT."
            )
        return read

    @property
    def are_real(self) -> bool:
        """Whether any provider itself is asked; the stand-in then takes no part."""
        return bool(self.openai_key or self.azure_key)

    def keys(self) -> dict[str, str]:
        """What an operator puts into the stage's secret."""
        if not self.are_real:
            return {"openai": "of-the-stand-in", "azure_openai": "of-the-stand-in"}
        return {"openai": self.openai_key, "azure_openai": self.azure_key}

    def context(self, stand_in: str) -> dict[str, str]:
        """Where the functions find the providers.

        Args:
            stand_in: Where the stand-in answers.
        """
        if not self.are_real:
            return {"openai_base_url": f"{stand_in}/v1", "azure_openai_endpoint": stand_in}
        found = {
            "openai_base_url": self.openai_base_url,
            "azure_openai_endpoint": self.azure_endpoint,
            "azure_openai_api_version": self.azure_api_version,
        }
        return {name: value for name, value in found.items() if value}


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
    models: ModelSettings = field(default_factory=ModelSettings)

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
            models=ModelSettings.from_environment(environment),
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
    def model_provider_url(self) -> str | None:
        """The address of the stand-in for models; None when their providers are asked."""
        return None if self.models.are_real else f"http://{HOST}:{self.model_provider_port}"

    @property
    def model_provider_dir(self) -> Path:
        """Where the stand-in for models may write; it keeps all in memory."""
        return self.data_dir / "model_provider"

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
