"""The public API as a program of a user's sees it: HTTP and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx


class ApiError(Exception):
    """The API refused; the text is its own sentence."""

    def __init__(self, status: int, error: str, detail: str) -> None:
        super().__init__(f"{status} {error}: {detail}")
        self.status = status
        self.error = error


class ApiClient:
    """One user's calls.

    Args:
        url: The base under which ``/api/…`` answers.
    """

    def __init__(self, url: str) -> None:
        # Long enough for a cold start of a function and a big import.
        self._http = httpx.Client(base_url=url, timeout=90)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def log_in_with(self, token: str) -> None:
        """Show ``token`` from now on."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401
        """Read."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        return self._answer(self._http.get(path, params=given))

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> Any:  # noqa: ANN401
        """Make or do something; with a key once, however often it is asked for."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self._answer(self._http.post(path, json=body or {}, headers=headers))

    def put(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
        """Replace something."""
        return self._answer(self._http.put(path, json=body))

    def patch(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
        """Change parts of something."""
        return self._answer(self._http.patch(path, json=body))

    def delete(self, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Take something away."""
        return self._answer(self._http.request("DELETE", path, json=body))

    def upload(self, ticket: dict[str, Any], path: Path) -> None:
        """Put a file where a ticket says, straight into the bucket."""
        with path.open("rb") as file:
            form = httpx.post(
                ticket["url"], data=ticket["fields"], files={"file": file}, timeout=600
            )
        if not form.is_success:
            raise ApiError(form.status_code, "Upload", form.text[:300])

    def pages(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=200, cursor=cursor, **query)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _answer(self, response: httpx.Response) -> Any:  # noqa: ANN401
        if response.is_success:
            return response.json() if response.content else None
        try:
            body = response.json()
        except ValueError:
            body = {}
        raise ApiError(
            response.status_code,
            body.get("error", "Error"),
            body.get("detail") or response.text[:300],
        )
