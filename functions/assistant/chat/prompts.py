"""What the model is told: rules that are always the same bytes, and the data of one step."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from functions.assistant.chat.models import Desk, Figure
from functions.assistant.chat.wording import filled
from huntaze import ai
from huntaze.ai.agents import as_data

VERSION = "assistant-2"
# Of what was said before, the newest turns.
REMEMBERED = 6


def prompt_of(
    question: str,
    desk: Desk,
    figures: Sequence[Figure],
    looks: Sequence[dict[str, Any]],
    *,
    rounds_left: int,
    problem: str | None,
) -> ai.Prompt:
    """Everything that the model is told in one step.

    Args:
        question: Of the member.
        desk: What it is about.
        figures: All that were found so far.
        looks: What was looked at so far, and what came of it.
        rounds_left: How often it may look once more.
        problem: What was wrong with its last answer.
    """
    data = {
        "question": question,
        "language": desk.language.value,
        "today": desk.today.isoformat(),
        "creators": [account.name for account in desk.scope.accounts],
        "history": [
            {
                "question": turn.question,
                "answer": filled(turn.answer, turn.figures, {}, turn.language),
            }
            for turn in desk.history[-REMEMBERED:]
        ],
        "looks": list(looks),
        "figures": [_told(figure) for figure in figures],
        "rounds_left": rounds_left,
        "problem": problem,
    }
    return ai.Prompt(prefix=_rules(), suffix=f"<data>{as_data(data)}</data>")


def _told(figure: Figure) -> dict[str, Any]:
    """A figure as the model sees it: no id of the database, no name of a fan."""
    about = figure.about
    return {
        "id": figure.id,
        "tool": figure.tool.value,
        "period": figure.period,
        "name": figure.name,
        "label": figure.label,
        "value": figure.value,
        "unit": figure.unit.value,
        "currency": figure.currency,
        "about": about and {"kind": about.kind, "name": about.name},
    }


@cache
def _rules() -> str:
    return Path(__file__).with_name("texts").joinpath("rules.v2.txt").read_text("utf-8")
