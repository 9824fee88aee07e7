"""Zips of functions and layers: small, reproducible, with byte-code that is trusted."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from stacks import build, layers
from stacks.settings import StageSettings

# PEP 552: bit 0 says that a hash stands in for the file time, bit 1 that it is checked.
_UNCHECKED_HASH = 0b01


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A small repository of two features."""
    for feature in ("fans", "segments"):
        folder = tmp_path / "functions" / feature
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__" / "old.cpython-313.pyc").write_bytes(b"stale")
        (folder / "handler.py").write_text("def handler(event, context):\n    return event\n")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(layers, "CACHE", tmp_path / "cache")
    return tmp_path


@pytest.fixture
def settings():
    context = json.loads((Path(layers.LOCK).parents[2] / "cdk.json").read_text())["context"]
    return StageSettings.from_context({**context, "stage": "local"}.get)


@pytest.mark.usefixtures("repository")
def test_a_zip_holds_its_feature_and_trusted_byte_code():
    with zipfile.ZipFile(build.feature_asset("fans").path) as archive:
        compiled = "functions/fans/__pycache__/handler.cpython-313.pyc"
        assert archive.namelist() == [compiled, "functions/fans/handler.py"]
        assert archive.read(compiled)[4] == _UNCHECKED_HASH


def test_equal_sources_make_equal_zips(repository):
    first = build.feature_asset("fans")
    content = first.path.read_bytes()
    first.path.unlink()
    (repository / "functions" / "fans" / "handler.py").touch()
    again = build.feature_asset("fans")
    assert (again.digest, again.path.read_bytes()) == (first.digest, content)


def test_editing_a_feature_changes_its_own_zip_only(repository):
    fans, segments = build.feature_asset("fans"), build.feature_asset("segments")
    (repository / "functions" / "fans" / "handler.py").write_text("handler = print\n")
    assert build.feature_asset("fans").digest != fans.digest
    assert build.feature_asset("segments").digest == segments.digest


@pytest.mark.usefixtures("repository")
def test_a_feature_that_does_not_exist_is_refused():
    with pytest.raises(FileNotFoundError, match="no feature"):
        build.feature_asset("astrology")


@pytest.mark.usefixtures("repository")
def test_heavy_packages_travel_in_layers_of_their_own(settings, monkeypatch):
    run = subprocess.run

    def install(command, **options):
        if "--target" not in command:
            return run(command, **options)
        target = Path(command[command.index("--target") + 1])
        for package in ("pydantic", "openai", "stripe", "PIL", "pillow.libs", "bin"):
            (target / package).mkdir()
            (target / package / "__init__.py").write_text("")
        (target / "six.py").write_text("")
        return None

    monkeypatch.setattr(layers.subprocess, "run", install)
    held, digests = {}, set()
    for name in ("dependencies", "openai", "stripe", "pillow"):
        asset = layers.dependencies_asset(settings, name)
        digests.add(asset.digest)
        with zipfile.ZipFile(asset.path) as archive:
            held[name] = {entry.split("/")[1] for entry in archive.namelist()}
            assert any(entry.endswith(".pyc") for entry in archive.namelist())
    assert held == {
        "dependencies": {"pydantic", "six.py", "__pycache__"},
        "openai": {"openai"},
        "stripe": {"stripe"},
        "pillow": {"PIL", "pillow.libs"},
    }
    assert len(digests) == 4
