"""Keys of the providers: without one nothing leaves the machine, with one nothing else changes."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from huntaze import ai
from huntaze.ai.keys import StageKeys
from huntaze.ai.providers import OpenAiProviders
from huntaze.ai.settings import AiSettings
from local.settings import LocalSettings
from tests.fakes.model_desk import BREAKERS, CACHE, Captions

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def addresses(monkeypatch) -> list[Any]:
    """Where sockets connect to, and what names are looked up."""
    seen: list[Any] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def watched(self: socket.socket, address: Any) -> None:
        seen.append(address[0])
        connect(self, address)

    def looked_up(host: Any, *rest: Any, **more: Any) -> Any:
        seen.append(host)
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return seen


@pytest.fixture
def ask(desk) -> Callable[..., ai.Answer[Captions]]:
    """Ask as a function does that was deployed with this environment."""

    def generate(environment: dict[str, str], words: str = "x") -> ai.Answer[Captions]:
        models = LocalSettings.from_environment(environment).models
        settings = AiSettings(
            **dict.fromkeys(("database_host", "database_name", "database_secret_arn"), "unused"),
            database_port=1,
            database_tls="disable",
            ai_keys_secret_arn="unused",
            circuit_breakers_table=BREAKERS,
            ai_cache_table=CACHE,
            **models.context(desk.url),
        )
        gateway = OpenAiProviders(settings, StageKeys(models.keys))
        return desk.router(gateway=gateway).generate(desk.asking(), desk.prompt(words), Captions)

    return generate


def test_without_a_key_nothing_leaves_the_machine(ask, addresses):
    assert ask({}, "without").provider is ai.Provider.OPENAI
    assert addresses
    assert {str(one) for one in addresses} <= {"127.0.0.1", "localhost"}


def test_with_a_key_the_same_is_asked_in_the_same_way(ask, desk):
    without = ask({})
    with_key = ask({"OPENAI_API_KEY": "sk-real", "OPENAI_BASE_URL": f"{desk.url}/v1"})
    assert (with_key.value, with_key.decision.tier) == (without.value, without.decision.tier)
    first, second = ({**one, "at": 0} for one in desk.state.asked)
    assert first == second
    # Azure has no key then, and is not asked.
    assert [hop.provider for hop in with_key.decision.hops] == [ai.Provider.OPENAI]


def test_nothing_that_is_deployed_reads_the_variable():
    readers = {
        str(path.relative_to(ROOT))
        for folder in ("functions", "layers", "stacks", "containers", "local")
        for path in (ROOT / folder).rglob("*.py")
        if "OPENAI_API_KEY" in path.read_text("utf-8")
    }
    assert readers == {"local/settings.py"}
