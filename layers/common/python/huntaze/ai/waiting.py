"""Waiting no longer than one wants to for what cannot be interrupted."""

import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import cache, partial
from typing import NoReturn


class TookTooLongError(Exception):
    """The time was up before the work was done."""


class _Hand:
    """A thread that does one piece of work after the other."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def give(self, order: Callable[[], None] | None) -> None:
        """Have a piece of work done; None: that was the last."""
        self._orders.put(order)

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            order()


class Hands:
    """Threads that wait for work, as many as there ever was work at once.

    Starting a thread takes longer than waking one. Whose work takes too long is let go: it ends by
    itself once its work does, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._idle: deque[_Hand] = deque()

    def within[T](self, seconds: float, work: Callable[[], T]) -> T:
        """The result of ``work``, or what it raises.

        Raises:
            TookTooLongError: The time was up.
        """
        done: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

        def order() -> None:
            try:
                done.put(partial(_give, work()))
            except BaseException as error:
                done.put(partial(_fail, error))

        try:
            hand = self._idle.pop()
        except IndexError:
            hand = _Hand()
        hand.give(order)
        try:
            outcome = done.get(timeout=seconds)
        except queue.Empty:
            hand.give(None)
            raise TookTooLongError from None
        self._idle.append(hand)
        return outcome()


def _give[T](result: T) -> T:
    return result


def _fail(error: BaseException) -> NoReturn:
    raise error


@cache
def hands() -> Hands:
    """Those of this process."""
    return Hands()
