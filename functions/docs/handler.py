"""HTTP door of the documentation. Public: it tells nothing about anybody."""

from functools import cache
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.swagger_ui import generate_swagger_html
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from pydantic import BaseModel

from huntaze.http import create_app, lambda_entry

app = create_app()

# Beside the packages: at the root of the repository and of the function's zip alike.
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
_ASSETS = "aws_lambda_powertools.event_handler.openapi.swagger_ui"
# The page brings its script and style along and speaks to nobody but this API.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_DOCUMENT_RESPONSE: dict[int, OpenAPIResponse] = {
    200: {
        "description": "The document.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
_PAGE_RESPONSE: dict[int, OpenAPIResponse] = {
    200: {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}}
}


class Health(BaseModel):
    """Whether the API answers."""

    status: Literal["ok"] = "ok"


@app.get("/api/health", tags=["docs"])
def health() -> Health:
    """Tell that the API answers."""
    return Health()


@app.get("/api/openapi.json", tags=["docs"], responses=_DOCUMENT_RESPONSE)
def openapi_document() -> Response[str]:
    """This document."""
    return Response(
        HTTPStatus.OK, "application/json", document(), headers={"Cache-Control": "max-age=300"}
    )


@app.get("/api/docs", tags=["docs"], responses=_PAGE_RESPONSE)
def read_documentation() -> Response[str]:
    """A page to read the document and try the routes."""
    return Response(
        HTTPStatus.OK,
        "text/html; charset=utf-8",
        page(),
        headers={"Cache-Control": "max-age=300", "Content-Security-Policy": _POLICY},
    )


@cache
def document() -> str:
    """The document that was packaged with this function."""
    return DOCUMENT.read_text()


@cache
def page() -> str:
    """Swagger UI with the document inside; nothing is loaded from elsewhere."""
    assets = files(_ASSETS)
    return generate_swagger_html(
        # A text of the document must not end the script that it stands in.
        spec=document().replace("</", "<\\/"),
        swagger_js=assets.joinpath("swagger-ui-bundle.min.js").read_text(),
        swagger_css=assets.joinpath("swagger-ui.min.css").read_text(),
        swagger_base_url="",
        oauth2_config=None,
        persist_authorization=False,
    )


handler = lambda_entry(app, authenticated=False)
