"""GET /scheduler/openapi.json and /scheduler/docs: for anyone, without a database, unless switched off."""

import base64
import gzip
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.wiring import forget_wiring
from tools.handlers import load_function


@pytest.fixture
def bare_api(environment: pytest.MonkeyPatch) -> Api:
    """The functions with an empty environment."""
    environment.delenv("DATABASE_URL")
    return Api()


def test_the_openapi_document_is_open_to_all(bare_api: Api) -> None:
    answer = bare_api.get("/scheduler/openapi.json", None)

    assert answer.status == 200
    assert answer.json["openapi"].startswith("3.1")


def test_swagger_ui_shows_it(bare_api: Api) -> None:
    answer = bare_api.get("/scheduler/docs", None)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html"
    assert "SwaggerUIBundle" in answer.text


@pytest.mark.parametrize("path", ["/scheduler/openapi.json", "/scheduler/docs"])
def test_switched_off_there_is_nothing(environment: pytest.MonkeyPatch, bare_api: Api, path: str) -> None:
    environment.setenv("DOCS_ENABLED", "false")

    assert bare_api.get(path, None).status == 404


@pytest.fixture
def built(bare_api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A console that was built, or was not as long as its page is missing."""
    pages = load_function("console").pages
    monkeypatch.setattr(pages, "STATIC", tmp_path)
    for kept in (pages._file, pages._packed):
        kept.cache_clear()
    (tmp_path / "app.js").write_text("export {};")
    (tmp_path / "version.txt").write_text("abc")
    return tmp_path


def test_the_console_lets_in_no_script_but_its_own(bare_api: Api, built: Path) -> None:
    (built / "index.html").write_text("<p>Console</p>")
    answer = bare_api.get("/scheduler/console", None)

    assert (answer.status, answer.text) == (200, "<p>Console</p>")
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


LOGIN = {
    "CONSOLE_AUTHORIZE_URL": "https://id.example/authorize?a=1&b=2",
    "CONSOLE_TOKEN_URL": "https://tokens.id.example/oauth2/token",
    "CONSOLE_CLIENT_ID": 'a "console"></head>',
    "CONSOLE_SCOPE": "openid scheduler/operator",
}


def policy(headers: Mapping[str, str]) -> dict[str, list[str]]:
    """The policy of content: sources by directive."""
    parts = (part.split() for part in headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


def test_without_a_provider_the_console_says_nothing_of_one_and_asks_its_own_origin_only(
    bare_api: Api, built: Path
) -> None:
    (built / "index.html").write_text("<head></head>")
    answer = bare_api.get("/scheduler/console", None)

    assert answer.text == "<head></head>"
    assert policy(answer.headers)["connect-src"] == ["'self'"]


def test_a_provider_is_told_to_the_page_as_data_and_its_tokens_may_be_asked_for(
    environment: pytest.MonkeyPatch, bare_api: Api, built: Path
) -> None:
    (built / "index.html").write_text("<head>\n</head><body></body>")
    plain = bare_api.get("/scheduler/console", None)
    for name, value in LOGIN.items():
        environment.setenv(name, value)
    forget_wiring()
    answer = bare_api.get("/scheduler/console", None)
    told = re.fullmatch(r'<head>\n<meta name="oidc" content="([^"<>]+)">\n</head><body></body>', answer.text)

    assert told
    assert json.loads(html.unescape(told[1])) == {
        "authorize_url": LOGIN["CONSOLE_AUTHORIZE_URL"],
        "token_url": LOGIN["CONSOLE_TOKEN_URL"],
        "client_id": LOGIN["CONSOLE_CLIENT_ID"],
        "scope": LOGIN["CONSOLE_SCOPE"],
    }
    assert policy(answer.headers) == policy(plain.headers) | {"connect-src": ["'self'", "https://tokens.id.example"]}
    assert answer.headers["ETag"] != plain.headers["ETag"]


def test_packed_the_page_is_the_same(environment: pytest.MonkeyPatch, bare_api: Api, built: Path) -> None:
    (built / "index.html").write_text("<head></head>")
    for name, value in LOGIN.items():
        environment.setenv(name, value)
    plain = bare_api.get("/scheduler/console", None)
    packed = bare_api.call("GET", "/scheduler/console", None, headers={"accept-encoding": "gzip"})

    assert gzip.decompress(base64.b64decode(packed.text)).decode() == plain.text


def test_its_files_may_be_kept_under_their_version_only(bare_api: Api, built: Path) -> None:
    own, other = (bare_api.get(f"/scheduler/console/{version}/app.js", None) for version in ("abc", "old"))

    assert own.text == other.text == "export {};"
    assert "immutable" in own.headers["Cache-Control"]
    assert other.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("asset", ["version.py", "../app.py", "%2e%2e", "none.js", "openapi.json"])
def test_nothing_else_is_given_away(bare_api: Api, built: Path, asset: str) -> None:
    assert bare_api.get(f"/scheduler/console/abc/{asset}", None).status == 404


def test_a_console_that_was_not_built_says_how_to(bare_api: Api, built: Path) -> None:
    answer = bare_api.get("/scheduler/console", None)

    assert answer.status == 503
    assert "make console" in answer.text


@pytest.mark.parametrize("path", ["/scheduler/console", "/scheduler/console/abc/app.js"])
def test_the_console_can_be_switched_off(
    environment: pytest.MonkeyPatch, bare_api: Api, built: Path, path: str
) -> None:
    (built / "index.html").write_text("<p>Console</p>")
    environment.setenv("CONSOLE_ENABLED", "false")

    assert bare_api.get(path, None).status == 404
