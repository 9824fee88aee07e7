"""Somebody at a front end: asks again when a function died under the question."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx

from local.api_client import ApiClient, ApiError

# Of an account that lives and dies with the evening.
PASSWORD = "a long and quiet evening"  # noqa: S105
_TRIES = 12
_PAUSE_SECONDS = 0.7
_AGAIN = (429, 502, 503, 504, 500)


class Person:
    """A member of a workspace.

    Args:
        url: Where the API answers.
        email: Whose account it is.
    """

    def __init__(self, url: str, email: str) -> None:
        self.email = email
        self.failures = 0
        self._api = ApiClient(url)
        self._logging_in = threading.Lock()

    def close(self) -> None:
        """Hang up."""
        self._api.close()

    def log_in_with(self, account: dict[str, Any]) -> None:
        """Use the session of an answer."""
        self._api.log_in_with(account["access_token"])

    def log_in(self) -> None:
        """Log in anew: an access token lives for a quarter of an hour."""
        with self._logging_in:
            person = {"email": self.email, "password": PASSWORD}
            self.log_in_with(self._patiently(lambda: self._api.post("/api/auth/login", person)))

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401
        """Read."""
        return self._ask(lambda: self._api.get(path, **query))

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> Any:  # noqa: ANN401
        """Do something; with a key it is asked again until somebody answers."""
        return self._ask(lambda: self._api.post(path, body, key=key))

    def put(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
        """Replace something."""
        return self._ask(lambda: self._api.put(path, body))

    def patch(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
        """Change parts of something."""
        return self._ask(lambda: self._api.patch(path, body))

    def _ask(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401
        try:
            return self._patiently(call)
        except ApiError as refusal:
            if refusal.status != httpx.codes.UNAUTHORIZED:
                raise
        self.log_in()
        return self._patiently(call)

    def _patiently(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Ask until there is an answer that another try would not change."""
        for number in range(_TRIES):
            try:
                return call()
            except ApiError as refusal:
                in_flight = refusal.error == "RequestInFlight"
                if number + 1 == _TRIES or not (refusal.status in _AGAIN or in_flight):
                    raise
            except httpx.TransportError:
                if number + 1 == _TRIES:
                    raise
            self.failures += 1
            time.sleep(_PAUSE_SECONDS * (1 + random.random()))
        raise AssertionError


class Routine(threading.Thread):
    """Does something again and again until it is told to stop; what goes wrong is kept.

    Args:
        name: Of the thread, for its troubles.
        turn: What is done.
    """

    def __init__(self, name: str, turn: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._turn = turn
        self._over = threading.Event()
        self.troubles: list[str] = []

    @property
    def is_over(self) -> bool:
        """Whether it was told to stop."""
        return self._over.is_set()

    def run(self) -> None:
        """Take turns."""
        while not self._over.is_set():
            try:
                self._turn()
            except (ApiError, httpx.HTTPError, OSError) as trouble:
                self.troubles.append(f"{self.name}: {type(trouble).__name__}: {trouble}")
                self._over.wait(1)

    def ask_to_stop(self) -> None:
        """Take no other turn; the one in hand ends."""
        self._over.set()

    def stop(self) -> None:
        """Take no other turn, and wait for the one in hand."""
        self._over.set()
        with suppress(RuntimeError):
            self.join(120)

    def pause(self, seconds: float) -> None:
        """Wait, unless it is over."""
        self._over.wait(seconds)
