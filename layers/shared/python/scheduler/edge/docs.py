"""Swagger UI as one page: Powertools brings its script and style sheet along."""

from importlib import resources

from aws_lambda_powertools.event_handler.openapi.swagger_ui.html import generate_swagger_html

_ASSETS = "aws_lambda_powertools.event_handler.openapi.swagger_ui"


def swagger_page(openapi: str) -> str:
    """Give the page for an OpenAPI document (JSON text)."""
    assets = resources.files(_ASSETS)
    return generate_swagger_html(
        spec=openapi.replace("</", "<\\/"),
        swagger_js=assets.joinpath("swagger-ui-bundle.min.js").read_text(),
        swagger_css=assets.joinpath("swagger-ui.min.css").read_text(),
        swagger_base_url="",
        oauth2_config=None,
    )
