"""No list counts its way to a page: what was read before would be read again, or passed over."""

import re
from pathlib import Path

import huntaze

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "functions", Path(huntaze.__file__).parent, ROOT / "containers")
# OFFSET 0 passes nothing over; it fences the planner off.
COUNTING = re.compile(r"\bOFFSET\b(?! 0\b)|\bFETCH\s+FIRST\b")


def test_no_statement_counts_rows_off():
    counted = [
        (path.name, found[0])
        for folder in SOURCES
        for path in folder.rglob("*.py")
        for found in COUNTING.finditer(path.read_text())
    ]
    assert counted == []
