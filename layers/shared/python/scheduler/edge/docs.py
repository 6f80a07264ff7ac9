"""Swagger UI as one page: Powertools brings its script and style sheet along."""

import gzip
from importlib import resources

from scheduler.edge.answers import Response
from scheduler.edge.request import Request

_ASSETS = "event_handler/openapi/swagger_ui"
"""Looked up as files: importing Powertools' page would import its routes and their validator."""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="UTF-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Cloud phone scheduler</title>
  <style>{style}</style>
</head>
<body>
  <div id="swagger-ui"></div>
  <script>{script}</script>
  <script>
    SwaggerUIBundle({{
      dom_id: "#swagger-ui",
      spec: {spec},
      docExpansion: "list",
      deepLinking: true,
      filter: true,
      showExtensions: true,
      showCommonExtensions: true,
      layout: "BaseLayout",
      presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
    }})
  </script>
</body>
</html>
"""


def accepts_gzip(request: Request) -> bool:
    """Tell whether the answer may be compressed."""
    return "gzip" in request.headers.get("accept-encoding", "")


def swagger_page(openapi: str, *, gzipped: bool) -> Response[str | bytes]:
    """Give the page for an OpenAPI document (JSON text)."""
    assets = resources.files("aws_lambda_powertools") / _ASSETS
    page = _PAGE.format(
        spec=openapi.replace("</", "<\\/"),
        script=(assets / "swagger-ui-bundle.min.js").read_text(),
        style=(assets / "swagger-ui.min.css").read_text(),
    )
    if not gzipped:
        return Response(200, page, "text/html")
    return Response(200, gzip.compress(page.encode(), mtime=0), "text/html", {"Content-Encoding": "gzip"})
