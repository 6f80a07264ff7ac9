"""The console in a real Chromium, against a region of its own. Only `make console-test` asks: few machines have one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Api, region_up
from tests.support.oidc_provider import CLIENT, Provider, provider_up
from tools.browser.__main__ import ASKED_FOR
from tools.browser.chromium import browsing, debugger_of
from tools.browser.lighthouse.judge import Judge, judging
from tools.browser.scene import Scene
from tools.browser.screenshots import opened
from tools.region.issuer import Issuer
from tools.region.layout import Layout

collect_ignore_glob = [] if ASKED_FOR in os.environ else ["test_*.py"]

Opened = Callable[..., Any]


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """Where operators have accounts. It serves once the region is up, which it gives tokens for."""
    with provider_up() as server:
        yield server


@pytest.fixture(scope="session")
def region(provider: Provider) -> Iterator[dict[str, str]]:
    """Bring up a region in the middle of its day, whose console knows the provider."""
    login = {"CONSOLE_AUTHORIZE_URL": provider.authorize_url, "CONSOLE_TOKEN_URL": provider.token_url}
    with region_up(**login, CONSOLE_CLIENT_ID=CLIENT) as environment:
        layout = Layout(Path(environment["REGION_HOME"]))
        provider.issuer = Issuer.with_key(environment["ISSUER_URL"], layout.signing_key)
        provider.callback = f"{environment['API_URL']}/scheduler/console"
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
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser keeps what it knows."""
    return tmp_path_factory.mktemp("profile")


@pytest.fixture(scope="session")
def browser(profile: Path) -> Iterator[Any]:
    """Start one browser for all tests."""
    with browsing(profile) as context:
        yield context


@pytest.fixture(scope="session")
def lighthouse(browser: Any, profile: Path) -> Iterator[Judge]:
    """Start one Lighthouse for all tests."""
    with judging(debugger_of(profile)) as judge:
        yield judge


def is_fault(said: Any) -> bool:
    """Tell whether the browser complains."""
    return bool(said.type == "error")


@pytest.fixture
def open_at(browser: Any, region: dict[str, str]) -> Iterator[Opened]:
    """Open the console at a place, signed in unless said; after the test no page may have told of an error."""
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
