"""The console in a real Chromium, against a region of its own. Only `make console-test` asks: few machines have one."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Api, region_up
from tools.browser.__main__ import ASKED_FOR
from tools.browser.chromium import browsing
from tools.browser.scene import Scene
from tools.browser.screenshots import opened

collect_ignore_glob = [] if ASKED_FOR in os.environ else ["test_*.py"]

Opened = Callable[..., Any]


@pytest.fixture(scope="session")
def region() -> Iterator[dict[str, str]]:
    """Bring up a region in the middle of its day."""
    with region_up() as environment:
        Scene(environment).play()
        yield environment


@pytest.fixture(scope="session")
def scene(region: dict[str, str]) -> Scene:
    """What speaks to the API without the console."""
    return Scene(region)


@pytest.fixture(scope="session")
def api(region: dict[str, str]) -> Api:
    """The region's HTTP API."""
    return Api(region["API_URL"])


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start one browser for all tests."""
    with browsing() as context:
        yield context


def is_fault(said: Any) -> bool:
    """Tell whether the browser complains."""
    return bool(said.type == "error")


@pytest.fixture
def open_at(browser: Any, region: dict[str, str]) -> Iterator[Opened]:
    """Open the console at a place, signed in; after the test no page may have told of an error."""
    faults: list[str] = []
    pages: list[Any] = []

    def open_page(place: str, *, quiet: bool = False, **wishes: Any) -> Any:
        page = opened(browser, region, place, **wishes)
        page.set_default_timeout(15_000)
        pages.append(page)
        page.on("pageerror", lambda error: faults.append(str(error)))
        if not quiet:
            page.on("console", lambda said: faults.append(said.text) if is_fault(said) else None)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert faults == []
