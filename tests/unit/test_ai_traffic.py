"""The labelled day: made by its script, labelled by its rubric, not by the product."""

import ast
import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from bench import ai_traffic
from bench.traffic import make_day
from huntaze import ai


@pytest.fixture(scope="module")
def day() -> list[dict[str, str]]:
    with make_day.DAY.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def rubric() -> dict[str, dict]:
    situations = json.loads(make_day.RUBRIC.read_text("utf-8"))["situations"]
    return {one["name"]: one for one in situations}


def test_the_day_is_what_its_script_makes():
    assert make_day.DAY.read_text("utf-8") == make_day.make()


def test_the_labels_were_not_made_by_the_product():
    tree = ast.parse(Path(make_day.__file__).read_text("utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    } | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in names if name.split(".")[0] in {"huntaze", "functions", "bench"}}


def test_each_request_has_the_label_of_its_kind_and_each_kind_a_reason(day, rubric):
    assert len(day) >= 5000
    assert all(one["label"] == rubric[one["situation"]]["label"] for one in day)
    assert all(
        one["why"] and one["label"] in {"ordinary", "hard", "critical"} for one in rubric.values()
    )
    assert {one["situation"] for one in day} == set(rubric)


def test_the_day_knows_every_kind_of_work_and_one_request_in_ten_is_premium(day):
    tasks = {one["task"] for one in day}
    assert len(tasks) >= 17
    assert tasks <= set(ai.Task)
    labels = Counter(one["label"] for one in day)
    assert 0.09 < (labels["hard"] + labels["critical"]) / len(day) < 0.11


def test_every_text_of_a_model_is_checked(day, rubric):
    counts = Counter(one["situation"] for one in day)
    assert counts["check"] == sum(
        counts[name] for name, one in rubric.items() if one.get("checked")
    )


def done(second: int, *, words: int, label: str = "ordinary") -> ai_traffic.Done:
    asked = ai_traffic.Asked(
        second=second,
        creator=0,
        situation="x",
        task=ai.Task.CAPTIONS,
        agent="content",
        complexity=None,
        critical=False,
        new_words=1,
        answer_words=1,
        words=words,
        label=label,
    )
    return ai_traffic.Done(asked, ai.Tier.ECONOMY, prefix=1300, prompt=1500, output=100, nanos=0)


def test_the_least_is_what_one_would_compute_by_hand():
    written = 1280 * 125 + 220 * 100 + 100 * 500
    read = 1280 * 10 + 220 * 100 + 100 * 500
    in_time = [done(0, words=1), done(600, words=2), done(700, words=1)]
    # The repetition at the end is not asked.
    assert ai_traffic.least(in_time, always_kept=False) == written + read
    assert ai_traffic.least(in_time, always_kept=True) == 2 * read
    too_late = [done(0, words=1), done(601, words=2)]
    assert ai_traffic.least(too_late, always_kept=False) == 2 * written
    premium = [done(0, words=1, label="hard")]
    assert ai_traffic.least(premium, always_kept=False) == 1280 * 2500 + 220 * 2000 + 100 * 10_000


def test_without_a_cache_everything_is_plain_input():
    day = [done(0, words=1), done(1, words=1)]
    assert ai_traffic.uncached(day, all_premium=True) == 2 * (1500 * 2000 + 100 * 10_000)
    assert ai_traffic.uncached(day, all_premium=False) == 2 * (1500 * 100 + 100 * 500)
