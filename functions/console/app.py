"""GET /scheduler/openapi.json and /scheduler/docs: what the API says of itself, to anyone, unless switched off."""

from pathlib import Path

from aws_lambda_powertools.event_handler import Response

from scheduler.domain.errors import RouteNotFound
from scheduler.edge.docs import swagger_page
from scheduler.edge.http import create_api, lambda_entry
from scheduler.settings import settings

OPENAPI = Path(__file__).with_name("openapi.json")

app = create_api()


@app.get("/scheduler/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    """Give the OpenAPI document that the build made from the routes."""
    _must_be_enabled()
    return Response(status_code=200, content_type="application/json", body=OPENAPI.read_text())


@app.get("/scheduler/docs", include_in_schema=False)
def docs() -> Response[str]:
    """Give Swagger UI for the document."""
    _must_be_enabled()
    return Response(status_code=200, content_type="text/html", body=swagger_page(OPENAPI.read_text()), compress=True)


def _must_be_enabled() -> None:
    if not settings().docs_enabled:
        raise RouteNotFound


handler = lambda_entry(app)
