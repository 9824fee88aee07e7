"""Make the labelled day anew: ``python -m bench.traffic.make_day``; the same seed, the same bytes.

Labels come from ``rubric.json`` alone. Nothing of the product's code is read here.
"""

import csv
import io
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEED = 20261121
CREATORS = 5
DAY = Path(__file__).with_name("day.csv")
RUBRIC = Path(__file__).with_name("rubric.json")
COLUMNS = (
    *("second", "creator", "situation", "task", "agent", "complexity", "critical"),
    *("new_words", "answer_words", "words", "label"),
)

_HOUR = 3600
# How many fans write in each hour of the day, in the creators' own time.
_HOURS = (5, 3, 2, 1, 1, 1, 2, 3, 4, 4, 4, 5, 6, 5, 5, 5, 6, 7, 8, 10, 12, 12, 10, 8)
# People of the team sit down, do some pieces of work and go; a sitting begins between these hours.
_SITTINGS_FROM, _SITTINGS_TO = 9, 22
_PIECES, _PAUSE = (8, 20), (20, 150)
# The second check comes as soon as there is a text.
_CHECK_AFTER = (2, 8)


@dataclass(frozen=True)
class Asked:
    """One request of the day."""

    second: int
    creator: int
    situation: dict[str, Any]
    new_words: int
    answer_words: int
    # Requests with the same number ask the very same words.
    words: int

    def row(self) -> tuple[object, ...]:
        """Its line in the file."""
        one, told = self.situation, self.situation["told"]
        return (
            *(self.second, self.creator, one["name"], one["task"], one["agent"]),
            *(told.get("complexity", ""), int(told.get("critical", False))),
            *(self.new_words, self.answer_words, self.words, one["label"]),
        )


class _Day:
    """A day as it is made."""

    def __init__(self, seed: int) -> None:
        situations = json.loads(RUBRIC.read_text("utf-8"))["situations"]
        self.situations: dict[str, dict[str, Any]] = {one["name"]: one for one in situations}
        self.chance = random.Random(seed)
        self.asked: list[Asked] = []
        self._said: dict[tuple[str, int], list[Asked]] = {}

    def ask(self, situation: dict[str, Any], creator: int, second: int) -> None:
        """Add a request, and the check of what it brings."""
        chance = self.chance
        before = self._said.setdefault((situation["name"], creator), [])
        if before and chance.random() < situation["again"]:
            old = chance.choice(before)
            sizes = (old.new_words, old.answer_words, old.words)
        else:
            sizes = (
                chance.randint(*situation["new"]),
                chance.randint(*situation["answer"]),
                len(self.asked),
            )
        one = Asked(second, creator, situation, *sizes)
        before.append(one)
        self.asked.append(one)
        if situation.get("checked"):
            self.ask(self.situations["check"], creator, second + chance.randint(*_CHECK_AFTER))

    def fans(self) -> None:
        """What comes when fans write."""
        for situation in self.situations.values():
            if situation.get("sitting"):
                continue
            for _ in range(situation["number"]):
                hour = self.chance.choices(range(24), _HOURS)[0]
                second = hour * _HOUR + self.chance.randrange(_HOUR)
                self.ask(situation, self.chance.randrange(CREATORS), second)

    def team(self) -> None:
        """What people ask for when they sit down to work for one creator with one agent."""
        agents = sorted({one["agent"] for one in self.situations.values() if one.get("sitting")})
        for agent in agents:
            pieces = [
                one
                for one in self.situations.values()
                if one.get("sitting") and one["agent"] == agent
                for _ in range(one["number"])
            ]
            self.chance.shuffle(pieces)
            while pieces:
                count = self.chance.randint(*_PIECES)
                sitting, pieces = pieces[:count], pieces[count:]
                creator = self.chance.randrange(CREATORS)
                second = self.chance.randrange(_SITTINGS_FROM * _HOUR, _SITTINGS_TO * _HOUR)
                for situation in sitting:
                    self.ask(situation, creator, second)
                    second += self.chance.randint(*_PAUSE)


def make(seed: int = SEED) -> str:
    """The day as the text of its file."""
    day = _Day(seed)
    day.fans()
    day.team()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    # A repetition comes after what it repeats: words are told apart by their number, not by time.
    writer.writerows(sorted(one.row() for one in day.asked))
    return text.getvalue()


if __name__ == "__main__":
    DAY.write_text(make(), "utf-8")
