"""GET /scheduler/console and its files: the operations console as built into static/, to anyone, without data."""

import gzip
import html
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import msgspec

from scheduler.domain.errors import RouteNotFound
from scheduler.edge.answers import Response
from scheduler.edge.call import Given
from scheduler.edge.docs import accepts_gzip
from scheduler.edge.routes import Routes
from scheduler.settings import settings

STATIC = Path(__file__).with_name("static")
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".txt": "text/plain"}
PAGE = "text/html; charset=utf-8"
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; connect-src {}; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
NOT_BUILT = (
    "<!DOCTYPE html><html lang='en'><meta charset='utf-8'><title>Console not built</title>"
    "<h1>The console was not built</h1><p>Its packages could not be had when this was set up. Call <code>make console"
    "</code> where a package registry can be reached, then start or deploy again. The API works without it.</p></html>"
)
YEAR, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"

routes = Routes()


@routes.get("/scheduler/console", include_in_schema=False)
def console(gzipped: Annotated[bool, Given(accepts_gzip)]) -> Response[str | bytes]:
    """Give the page, which names its files by version."""
    _must_be_enabled()
    page = _file("index.html")
    if page is None:
        return Response(503, NOT_BUILT, PAGE, _guards())
    return _answer(_with_login(page), PAGE, ASK_AGAIN, gzipped=gzipped)


@routes.get("/scheduler/console/{version}/{asset}", include_in_schema=False)
def console_asset(version: str, asset: str, gzipped: Annotated[bool, Given(accepts_gzip)]) -> Response[str | bytes]:
    """Give a script or style; under its own version it may be kept for a year."""
    _must_be_enabled()
    kind = TYPES.get(Path(asset).suffix)
    content = _file(asset) if re.fullmatch(r"[a-z0-9_]+\.[a-z]+", asset) else None
    if kind is None or content is None:
        raise RouteNotFound
    return _answer(content, kind, YEAR if version == _version() else ASK_AGAIN, gzipped=gzipped)


def _answer(content: bytes, kind: str, keep: str, *, gzipped: bool) -> Response[str | bytes]:
    headers = {**_guards(), "Cache-Control": keep, "Vary": "Accept-Encoding"}
    if not gzipped:
        return Response(200, content.decode(), kind, headers)
    return Response(200, _packed(content), kind, {**headers, "Content-Encoding": "gzip"})


def _guards() -> dict[str, str]:
    """Let scripts send to where they come from, and to where tokens are had, if anywhere."""
    login = settings().pages.console_login
    return {
        "Content-Security-Policy": POLICY.format(f"'self' {login.token_origin}" if login else "'self'"),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def _with_login(page: bytes) -> bytes:
    """Tell the page where operators sign in, as data: no script may stand in it."""
    login = settings().pages.console_login
    if login is None:
        return page
    told = html.escape(msgspec.json.encode(login).decode())
    return page.replace(b"</head>", f'<meta name="oidc" content="{told}">\n</head>'.encode())


@lru_cache(maxsize=64)
def _file(name: str) -> bytes | None:
    path = STATIC / name
    return path.read_bytes() if path.is_file() else None


@lru_cache(maxsize=64)
def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _version() -> str:
    return (_file("version.txt") or b"").decode()


def _must_be_enabled() -> None:
    if not settings().pages.console:
        raise RouteNotFound
