"""What the stages cost: every resource has a price, and docs/costs.md says the same."""

import pytest

from operations.costs import table
from operations.costs.__main__ import DOCUMENT, IDLE, IDLE_LIMIT_USD, main
from operations.costs.model import price_list, usage
from operations.costs.templates import templates_of


@pytest.fixture(scope="module")
def found() -> dict[str, table.Sums]:
    return table.columns(usage(), price_list(), templates_of)


def test_an_idle_dev_stage_stays_below_its_limit(found: dict[str, table.Sums]) -> None:
    assert 0 < table.total(found[IDLE]) <= IDLE_LIMIT_USD


def test_more_use_never_costs_less(found: dict[str, table.Sums]) -> None:
    assert table.total(found[IDLE]) < table.total(found["dev, busy"])
    assert all(usd >= 0 for usd in found[table.PER_MILLION].values())


def test_the_document_has_the_table_of_today() -> None:
    assert main(["--check"]) == 0
    assert DOCUMENT.is_file()
