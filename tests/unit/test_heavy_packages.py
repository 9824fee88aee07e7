"""The packages of models and payments: loaded by whoever calls them, and by nobody else."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HANDLERS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "functions").rglob("handler.py")
)
_EACH = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    loaded = {"openai", "stripe"} & set(sys.modules)
    assert not loaded, f"{name} loads {loaded}"
"""
_ON_FIRST_USE = """
import sys
from huntaze import ai, clients
from huntaze.ai import wiring
from huntaze.ai.keys import StageKeys
from huntaze.ai.providers import OpenAiProviders
from huntaze.ai.settings import AiSettings
unused = dict.fromkeys(AiSettings.model_fields, "unused")
settings = AiSettings(**unused | {"database_port": 1, "database_tls": "disable"})
providers = OpenAiProviders(settings, StageKeys(lambda: {"openai": "k", "azure_openai": "k"}))
assert len(providers.available()) == 2
assert "openai" not in sys.modules
clients.openai_package()
assert "openai" in sys.modules
"""


@pytest.fixture
def python():
    """Run a text in a fresh process without an environment."""

    def run(code: str, *arguments: str) -> None:
        path = f"{ROOT}:{ROOT}/layers/common/python"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return run


def test_no_handler_loads_them(python):
    assert len(HANDLERS) > 20
    python(_EACH, *HANDLERS)


def test_who_may_ask_models_loads_the_package_with_the_first_call(python):
    python(_ON_FIRST_USE)
