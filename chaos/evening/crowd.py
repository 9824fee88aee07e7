"""The fans: they write what the script says, as fast as it says or as the machine carries it."""

import time
from dataclasses import dataclass

from chaos.evening.cast import Cast
from chaos.evening.people import Routine
from chaos.evening.script import Line, Script
from local.fan_platform.client import FanPlatform

# More than so many pushes under way are a machine that does not keep up: fans then write slower,
# because what is measured would be the length of the emulator's queue.
_MOST_UNDER_WAY = 24
_LOOK_EVERY = 5


@dataclass(frozen=True)
class Written:
    """What a fan wrote, as the platform calls it."""

    id: str
    line: Line
    creator_id: str


class Crowd(Routine):
    """All fans.

    Args:
        platform: Where they write.
        cast: Whom they write to.
        script: What and when.
    """

    def __init__(self, platform: FanPlatform, cast: Cast, script: Script) -> None:
        super().__init__("fans", self._write_next)
        self._platform = platform
        self._ids = {one.role.name: one.id for one in cast.creators}
        self._lines = script.lines
        self._began = 0.0
        self._held_up = 0.0
        self.written: list[Written] = []

    @property
    def is_done(self) -> bool:
        """Whether all is written."""
        return len(self.written) == len(self._lines)

    @property
    def share(self) -> float:
        """How much of it is written."""
        return len(self.written) / max(1, len(self._lines))

    def _write_next(self) -> None:
        self._began = self._began or time.monotonic()
        if self.is_done:
            self.pause(0.2)
            return
        line = self._lines[len(self.written)]
        early = line.at - (time.monotonic() - self._began - self._held_up)
        if early > 0:
            self.pause(min(early, 0.5))
            return
        if len(self.written) % _LOOK_EVERY == 0:
            self._let_the_machine_follow()
        creator_id = self._ids[line.creator]
        made = self._platform.write_as_fan(
            creator_id, line.fan, line.text, tip_cents=line.tip_cents
        )
        self.written.append(Written(made, line, creator_id))

    def _let_the_machine_follow(self) -> None:
        began = time.monotonic()
        while self._platform.pushes()["under_way"] > _MOST_UNDER_WAY and not self.is_over:
            self.pause(0.3)
        self._held_up += time.monotonic() - began
