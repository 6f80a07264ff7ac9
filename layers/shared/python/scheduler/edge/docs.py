"""Swagger UI as one page: Powertools brings its script and style sheet along."""

import gzip
from importlib import resources

from scheduler.edge.answers import Response
from scheduler.edge.request import Request

_ASSETS = "aws_lambda_powertools.event_handler.openapi.swagger_ui"


def accepts_gzip(request: Request) -> bool:
    """Tell whether the answer may be compressed."""
    return "gzip" in request.headers.get("accept-encoding", "")


def swagger_page(openapi: str, *, gzipped: bool) -> Response[str | bytes]:
    """Give the page for an OpenAPI document (JSON text)."""
    # Powertools' routes come with its page: only who looks at it waits for them.
    from aws_lambda_powertools.event_handler.openapi.swagger_ui.html import generate_swagger_html

    assets = resources.files(_ASSETS)
    page = generate_swagger_html(
        spec=openapi.replace("</", "<\\/"),
        swagger_js=assets.joinpath("swagger-ui-bundle.min.js").read_text(),
        swagger_css=assets.joinpath("swagger-ui.min.css").read_text(),
        swagger_base_url="",
        oauth2_config=None,
    )
    if not gzipped:
        return Response(200, page, "text/html")
    return Response(200, gzip.compress(page.encode(), mtime=0), "text/html", {"Content-Encoding": "gzip"})
