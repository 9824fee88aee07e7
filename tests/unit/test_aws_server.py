"""Processes of functions in the local AWS: they share layers, and are started until they stay."""

import io
import os
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from local import aws_server

ARN = "arn:aws:lambda:us-east-1:000000000000:layer:common:{}"


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Which layers were asked for; each holds a module, the third version nothing."""
    asked: list[object] = []

    def resolve(attachment: dict[str, str]) -> bytes | None:
        asked.append(attachment["Arn"])
        if attachment["Arn"].endswith(":3"):
            return None
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as layer:
            layer.writestr("python/words.py", f"VERSION = {attachment['Arn'][-1]}")
        return content.getvalue()

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(aws_server.lambda_svc, "_resolve_layer_zip", resolve)
    return asked


def started(monkeypatch: pytest.MonkeyPatch, *versions: int) -> dict[str, str]:
    """Start a process of a function with these layers; the environment that it was given."""
    seen: dict[str, str] = {}

    def spawn(worker: SimpleNamespace) -> None:
        assert worker.config["Layers"] == []
        seen.update(worker.config["Environment"]["Variables"])

    given = {
        "Layers": [{"Arn": ARN.format(version)} for version in versions],
        "Environment": {"Variables": {"STAGE": "local"}},
    }
    worker = SimpleNamespace(config=given)
    monkeypatch.setattr(aws_server, "_spawn", spawn)
    aws_server._spawn_with_shared_layers(worker)  # type: ignore[arg-type]
    assert worker.config is given
    return seen


def test_two_processes_share_one_layer(
    monkeypatch: pytest.MonkeyPatch, resolved: list[object]
) -> None:
    first, second = started(monkeypatch, 1), started(monkeypatch, 1)
    assert first == second
    assert first["STAGE"] == "local"
    words = Path(first["_LAMBDA_LAYERS_DIRS"]) / "python" / "words.py"
    assert words.read_text() == "VERSION = 1"
    assert resolved == [ARN.format(1)]


def test_a_new_version_is_another_folder_and_layers_keep_their_order(
    monkeypatch: pytest.MonkeyPatch, resolved: list[object]
) -> None:
    (one,) = started(monkeypatch, 1)["_LAMBDA_LAYERS_DIRS"].split(os.pathsep)
    two, again = started(monkeypatch, 2, 1)["_LAMBDA_LAYERS_DIRS"].split(os.pathsep)
    assert (again, two != one) == (one, True)
    assert resolved == [ARN.format(1), ARN.format(2)]


def test_a_layer_without_content_is_left_out(
    monkeypatch: pytest.MonkeyPatch, resolved: list[object]
) -> None:
    folders = started(monkeypatch, 3, 1)["_LAMBDA_LAYERS_DIRS"].split(os.pathsep)
    assert len(folders) == 1
    assert resolved[0] == ARN.format(3)


@pytest.mark.parametrize("deaths", [0, 2, 3])
def test_a_process_that_dies_as_it_starts_is_started_again(
    monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    starts: list[object] = []

    def spawn(worker: SimpleNamespace) -> None:
        starts.append(worker)
        if len(starts) <= deaths:
            raise RuntimeError("Worker process exited immediately.")

    monkeypatch.setattr(aws_server, "_spawn", spawn)
    worker = SimpleNamespace(config={})
    if deaths == 3:
        with pytest.raises(RuntimeError, match="exited"):
            aws_server._spawn_with_shared_layers(worker)  # type: ignore[arg-type]
    else:
        aws_server._spawn_with_shared_layers(worker)  # type: ignore[arg-type]
    assert len(starts) == min(deaths + 1, 3)
