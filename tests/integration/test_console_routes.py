"""GET /scheduler/openapi.json and /scheduler/docs: for anyone, without a database, unless switched off."""

import pytest

from tests.support.api import Api


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
