"""What the fans of an evening do: as much as was asked for, and the same for the same seed."""

from collections import Counter
from datetime import timedelta

import pytest

from chaos.evening.script import LONG, SHORT, STOP_WORDS, Size, write_script


@pytest.mark.parametrize("size", [SHORT, LONG, Size(7, 23, timedelta(seconds=10))])
def test_an_evening_has_just_so_many_conversations_and_messages(size: Size) -> None:
    script = write_script(size, 1)
    writers = {(line.creator, line.fan) for line in script.lines}
    assert (len(script.lines), len(writers)) == (size.inbound, size.conversations)
    assert writers <= {(name, fan) for name, fans in script.fans.items() for fan in fans}


def test_the_same_seed_gives_the_same_evening() -> None:
    assert write_script(SHORT, 5) == write_script(SHORT, 5)
    assert write_script(SHORT, 5) != write_script(SHORT, 6)


def test_who_asks_for_no_more_messages_writes_none_afterwards() -> None:
    script = write_script(LONG, 1)
    last = {(line.creator, line.fan): line.text for line in script.lines}
    assert script.stops
    assert {chat for chat, text in last.items() if text in STOP_WORDS} == script.stops
    stops = Counter((line.creator, line.fan) for line in script.lines if line.text in STOP_WORDS)
    assert set(stops.values()) == {1}


def test_lines_come_in_order_of_time() -> None:
    moments = [line.at for line in write_script(SHORT, 1).lines]
    assert moments == sorted(moments)
