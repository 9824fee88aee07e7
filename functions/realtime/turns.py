"""Many to be served at once: few at a time, of whom none is counted who waits for a client."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

# At work at once. More would wait for the processor, not for clients.
AT_WORK = 16
# Who waits for a client for so long makes room for another.
PATIENCE_SECONDS = 0.1
# A function may have 1,024 threads.
_THREADS = 400


class _Wait:
    """Somebody's wait for a client."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.made_room = False


class Turns:
    """Whose turn it is: of those at work, who waits long for a client gives the turn to another."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(AT_WORK)
        self._lock = threading.Lock()
        self._waits: set[_Wait] = set()

    def serve[Item, Result](
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> list[Result]:
        """Do work on each item; answer with what came of each, in their order."""

        def take_turn(item: Item) -> Result:
            with self._free:
                return work(item)

        with ThreadPoolExecutor(min(len(items), _THREADS)) as pool:
            tasks = [pool.submit(take_turn, item) for item in items]
            while wait(tasks, timeout=PATIENCE_SECONDS).not_done:
                self._make_room()
        return [task.result() for task in tasks]

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for a client; for as long as that takes, the turn may be another's."""
        own = _Wait()
        with self._lock:
            self._waits.add(own)
        try:
            yield
        finally:
            with self._lock:
                self._waits.discard(own)
            if own.made_room:
                self._free.acquire()

    def _make_room(self) -> None:
        long_ago = time.monotonic() - PATIENCE_SECONDS
        with self._lock:
            for one in self._waits:
                if one.since < long_ago and not one.made_room:
                    one.made_room = True
                    self._free.release()
