"""The templates of a stage, synthesised as a deployment would, without an account."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App

import cdk_app

ROOT = Path(cdk_app.__file__).parent

# What an operator says at deploy and no file knows; the sums do not depend on the values.
_GIVEN = {
    "production": {
        "trusted_proxies": "203.0.113.0/24",
        "dns_zone_id": "Z0123456789",
        "dns_zone_name": "huntaze.example",
        "api_domain": "api.huntaze.example",
    }
}


@cache
def templates_of(stage: str) -> dict[str, dict[str, Any]]:
    """Synthesise a stage; the templates by stack."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    with tempfile.TemporaryDirectory(prefix="huntaze-costs-") as folder:
        app = App(
            analytics_reporting=False,
            # The wheels come from a package index: they cost nothing here but time.
            context={
                **context,
                "stage": stage,
                "dependencies_layer": "false",
                **_GIVEN.get(stage, {}),
            },
            outdir=folder,
        )
        cdk_app.build(app)
        app.synth()
        return {
            path.name.removesuffix(".template.json"): json.loads(path.read_text())
            for path in sorted(Path(folder).glob("*.template.json"))
        }
