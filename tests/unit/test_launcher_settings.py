import json
import threading
from pathlib import Path

import pytest

from local import endpoints
from local.deployment import fingerprint
from local.processes import LocalCloudError
from local.settings import ROOT, LocalSettings


def test_an_empty_environment_gives_the_documented_places() -> None:
    settings = LocalSettings.from_environment({})

    assert settings.data_dir == ROOT / ".local"
    assert settings.aws_url == "http://127.0.0.1:4566"
    assert settings.postgres_port == 4567
    assert settings.fan_platform_url == "http://127.0.0.1:4568"
    assert settings.model_provider_port == 4569
    assert settings.wait_scale == "1"


def test_one_number_moves_every_port_of_a_second_cloud(tmp_path: Path) -> None:
    settings = LocalSettings.from_environment(
        {"HUNTAZE_DATA": str(tmp_path), "HUNTAZE_PORT_BASE": "4600", "POSTGRES_PORT": "5433"}
    )

    assert settings.data_dir == tmp_path.resolve()
    assert (settings.aws_port, settings.postgres_port, settings.fan_platform_port) == (
        4600,
        5433,
        4602,
    )


def test_an_empty_setting_is_no_setting() -> None:
    settings = LocalSettings.from_environment({"HUNTAZE_DATA": "", "HUNTAZE_PORT_BASE": ""})

    assert settings == LocalSettings.from_environment({})


@pytest.mark.parametrize("port", ["abc", "80", "70000", "-1", "4566.0", "²"])
def test_refuses_what_is_no_port(port: str) -> None:
    with pytest.raises(LocalCloudError, match="HUNTAZE_PORT_BASE"):
        LocalSettings.from_environment({"HUNTAZE_PORT_BASE": port})


def test_refuses_two_servers_on_one_port() -> None:
    with pytest.raises(LocalCloudError, match="a port of its own"):
        LocalSettings.from_environment({"POSTGRES_PORT": "4566"})


def test_each_writer_of_the_endpoints_changes_its_own_keys(tmp_path: Path) -> None:
    endpoints.update(tmp_path, api_url="http://api", worker_pid=1)
    endpoints.update(tmp_path, worker_pid=2)

    found = json.loads((tmp_path / "endpoints.json").read_text())
    assert found["api_url"] == "http://api"
    assert found["worker_pid"] == 2
    assert found["model_provider_url"] is None


def test_no_update_of_the_endpoints_is_lost(tmp_path: Path) -> None:
    writers = [
        threading.Thread(target=endpoints.update, args=(tmp_path,), kwargs={f"key{number}": number})
        for number in range(20)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert {f"key{number}" for number in range(20)} <= endpoints.read(tmp_path).keys()


def test_there_are_no_endpoints_before_the_first_deployment(tmp_path: Path) -> None:
    assert endpoints.read(tmp_path) == {}


def test_the_fingerprint_follows_the_sources_and_the_context() -> None:
    first = fingerprint(("local/settings.py",), "context")

    assert fingerprint(("local/settings.py",), "context") == first
    assert fingerprint(("local/settings.py",), "another") != first
    assert fingerprint(("local/processes.py",), "context") != first


def test_without_keys_models_are_the_stand_in_alone() -> None:
    settings = LocalSettings.from_environment({})

    assert settings.model_provider_url == "http://127.0.0.1:4569"
    assert set(settings.models.keys()) == {"openai", "azure_openai"}
    assert settings.models.context("http://127.0.0.1:4569") == {
        "openai_base_url": "http://127.0.0.1:4569/v1",
        "azure_openai_endpoint": "http://127.0.0.1:4569",
    }


def test_with_a_key_its_provider_is_asked_and_no_other() -> None:
    settings = LocalSettings.from_environment({"OPENAI_API_KEY": "sk-real"})

    assert settings.model_provider_url is None
    assert settings.models.keys() == {"openai": "sk-real", "azure_openai": ""}
    assert settings.models.context("") == {}
    assert "sk-real" not in repr(settings)


def test_azure_needs_its_address_and_its_key() -> None:
    with pytest.raises(LocalCloudError, match="AZURE_OPENAI_ENDPOINT"):
        LocalSettings.from_environment({"AZURE_OPENAI_API_KEY": "key"})
