"""GET /scheduler/openapi.json and /scheduler/docs: for anyone, without a database, unless switched off."""

from pathlib import Path

import pytest

from tests.support.api import Api
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
