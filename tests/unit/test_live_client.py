"""The client for front ends, on sockets that a script speaks for."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def play(scene: str) -> dict[str, Any]:
    """Let a page listen; answers what it was told."""
    command = [ROOT / ".tools" / "bin" / "node", ROOT / "tests" / "fakes" / "live_page.mjs", scene]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_page_that_has_trouble_misses_nothing() -> None:
    told = play("troubles")
    # Read anew until it could be; and one event on which the page fails keeps no other from it.
    assert told["reloads"] == 2
    assert told["events"] == ["1", "2", "3", "4"]
    assert told["resumed"] == ["ticket-2", "3"]


def test_who_comes_with_a_cursor_that_is_none_begins_anew() -> None:
    told = play("refused")
    assert (told["resumed"], told["events"]) == (["garbage", "ticket-2"], ["9"])
