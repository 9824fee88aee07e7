"""What tests and the demo tell the stand-in."""

from typing import Any

import httpx


class ModelProviderStandIn:
    """The stand-in behind an address.

    Args:
        url: Where it answers.
    """

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def play(self, provider: str, *faults: dict[str, Any]) -> None:
        """Play faults, in order; none: behave."""
        self._http.put(f"/_sim/{provider}/faults", json=list(faults)).raise_for_status()

    def limit(self, provider: str, a_minute: int | None) -> None:
        """Answer no more calls a minute than these."""
        self._http.put(f"/_sim/{provider}/limit", json={"a_minute": a_minute}).raise_for_status()

    def script(self, schema: str, *answers: Any) -> None:  # noqa: ANN401  (any JSON)
        """Answer a schema with these, in order; the last one stays."""
        self._http.put(f"/_sim/answers/{schema}", json=list(answers)).raise_for_status()

    def calls(self) -> dict[str, Any]:
        """What was asked, and what was charged for."""
        truth: dict[str, Any] = self._http.get("/_sim/calls").raise_for_status().json()
        return truth

    def reset(self) -> None:
        """Forget everything."""
        self._http.post("/_sim/reset").raise_for_status()
