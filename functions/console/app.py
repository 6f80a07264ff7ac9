"""What anyone may read: the API's description of itself, and the operations console. Each can be switched off."""

from pathlib import Path
from typing import Annotated

import pages

from scheduler.domain.errors import RouteNotFound
from scheduler.edge.answers import Response
from scheduler.edge.call import Given
from scheduler.edge.docs import accepts_gzip, swagger_page
from scheduler.edge.http import Api, lambda_entry
from scheduler.settings import settings

OPENAPI = Path(__file__).with_name("openapi.json")

app = Api()
app.include(pages.routes)


@app.get("/scheduler/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    """Give the OpenAPI document that the build made from the routes."""
    _must_be_enabled()
    return Response(200, OPENAPI.read_text())


@app.get("/scheduler/docs", include_in_schema=False)
def docs(gzipped: Annotated[bool, Given(accepts_gzip)]) -> Response[str | bytes]:
    """Give Swagger UI for the document."""
    _must_be_enabled()
    return swagger_page(OPENAPI.read_text(), gzipped=gzipped)


def _must_be_enabled() -> None:
    if not settings().pages.docs:
        raise RouteNotFound


handler = lambda_entry(app)
