"""An export of any size holds one page at a time."""

import gzip
import weakref
from datetime import UTC, datetime
from unittest.mock import Mock

from functions.management.exports import service
from functions.management.exports.service import Claim, Lines
from huntaze.ids import new_id


class Page(list[str]):
    """Lines that can be watched."""


class Watched:
    """A source that fails when a page is still held while the next one is read."""

    name = "fans"

    def __init__(self) -> None:
        self._last: weakref.ref[Page] | None = None
        self._read = 0

    def read(self, _after: list[str] | None, _most: int) -> Lines:
        """Read one of three pages."""
        assert self._last is None or self._last() is None
        self._read += 1
        page = Page(['{"name": "é 😀"}', "{}"])
        self._last = weakref.ref(page)
        return Lines(page, [str(self._read)], self._read < 3)


def test_a_page_is_let_go_before_the_next_is_read():
    claim = Claim(new_id(), new_id(), None, None, new_id(), None, 1, 0)
    store, files = Mock(), Mock()
    store.claim.return_value, store.last_number.return_value = claim, 0
    store.files.return_value = []
    end = service.run(
        claim.export_id,
        store,
        lambda _: [Watched()],
        files,
        now=lambda: datetime.now(UTC),
        seconds_left=lambda: 900.0,
    )
    assert end == "ready"
    stored = [call.args[3] for call in files.put.call_args_list]
    assert gzip.decompress(stored[0]).decode() == '{"name": "é 😀"}\n{}\n'
    # The same lines are the same bytes, whenever they are written.
    assert stored[0] == stored[1] == stored[2]
