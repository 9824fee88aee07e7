"""The stages, synthesised once for all tests of the infrastructure."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

import cdk_app

ROOT = Path(cdk_app.__file__).parent


@dataclass(frozen=True)
class Resource:
    """One resource of one stack."""

    stack: str
    logical_id: str
    kind: str
    properties: dict[str, Any]

    def __str__(self) -> str:
        """Name the resource in a failed assertion."""
        return f"{self.stack}/{self.logical_id}"


@dataclass(frozen=True)
class Assembly:
    """What `cdk synth` wrote for one stage."""

    folder: Path
    templates: dict[str, dict[str, Any]]

    def of_kind(self, kind: str) -> list[Resource]:
        """All resources of one CloudFormation type."""
        return [
            Resource(stack, logical_id, kind, body.get("Properties", {}))
            for stack, template in self.templates.items()
            for logical_id, body in template["Resources"].items()
            if body["Type"] == kind
        ]

    def asset_of(self, resource: Resource) -> Path:
        """The zip of a function or a layer."""
        content = resource.properties.get("Code") or resource.properties["Content"]
        key = content["S3Key"]
        name = key if isinstance(key, str) else key["Fn::Sub"]
        return self.folder / f"asset.{name}"


# What an operator says of production beside what is written down in cdk.json.
_PRODUCTION = {
    "trusted_proxies": "203.0.113.0/24, 2001:db8::/48",
    "dns_zone_id": "Z0123456789",
    "dns_zone_name": "huntaze.example",
    "api_domain": "api.huntaze.example",
    "media_domain": "media.huntaze.example",
    "mail_domain": "huntaze.example",
    "operators_email": "operators@huntaze.example",
    "region": "us-east-1",
    "github_repository": "huntaze/backend",
}


def _synthesise(stage: str, folder: Path, **given: str) -> Assembly:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(
        analytics_reporting=False,
        # The wheels come from a package index: a matter of deploying, not of testing.
        context={
            **context,
            "stage": stage,
            "dependencies_layer": "false",
            "fan_platform_url": "http://localhost:4580",
            **given,
        },
        outdir=str(folder),
    )
    cdk_app.build(app)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    app.synth()
    templates = {
        path.name.removesuffix(".template.json"): json.loads(path.read_text())
        for path in sorted(folder.glob("*.template.json"))
    }
    return Assembly(folder, templates)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The local stage; like every other, an error of cdk-nag without a reason makes it fail."""
    return _synthesise("local", tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The stage on which Huntaze is tried out on AWS."""
    return _synthesise("dev", tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The production stage, with everything that a stage can have."""
    return _synthesise("production", tmp_path_factory.mktemp("production"), **_PRODUCTION)


@pytest.fixture(scope="session", params=["local", "dev", "production"])
def assembly(request: pytest.FixtureRequest) -> Assembly:
    """Each stage in turn, for rules that hold everywhere."""
    found: Assembly = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session", params=["dev", "production"])
def on_aws(request: pytest.FixtureRequest) -> Assembly:
    """Each stage on AWS in turn."""
    found: Assembly = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def rendered() -> Callable[[Any], str]:
    """Writes a value of a template as text, with a placeholder for what a deployment knows."""

    def render(value: Any) -> str:
        if isinstance(value, dict) and "Fn::Join" in value:
            delimiter, parts = value["Fn::Join"]
            return str(delimiter).join(render(part) for part in parts)
        return value if isinstance(value, str) else "known-at-deploy"

    return render
