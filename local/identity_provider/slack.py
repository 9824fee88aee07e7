"""Incoming webhooks of Slack: takes what is posted, and tells tests of it."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

# The channel of this name does not exist any more, as Slack says it.
GONE = "GONE"


class Slack:
    """Channels and what was posted to them; in memory only."""

    def __init__(self) -> None:
        self._posted: list[dict[str, str]] = []

    @property
    def routes(self) -> list[Route]:
        """The webhook, and what was posted."""
        return [
            Route("/services/{team}/{channel}/{token}", self.take, methods=["POST"]),
            Route("/_sim/slack", self.tell),
        ]

    async def take(self, request: Request) -> PlainTextResponse:
        """Take a message."""
        if request.path_params["channel"] == GONE:
            return PlainTextResponse("no_service", 404)
        text = (await request.json()).get("text")
        if not text:
            return PlainTextResponse("no_text", 400)
        self._posted.append({"hook": request.url.path, "text": str(text)})
        return PlainTextResponse("ok")

    async def tell(self, _request: Request) -> JSONResponse:
        """Tell what was posted, oldest first."""
        return JSONResponse({"messages": self._posted})
