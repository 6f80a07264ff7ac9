"""The pytest fixture `cloudphone_device`: a phone for a test, given back after it.

`@pytest.mark.cloudphone(minutes=10, min_cpu=4)` says which; `cloudphone_client` is the client that allocates it. Both
read CLOUDPHONE_API_URL, CLOUDPHONE_TOKEN and CLOUDPHONE_USER_ID; without the first two the test is skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # each run of pytest loads this file, and most need no phone
    from cloudphone import Client, Phone


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "cloudphone(**wants): what the phone of cloudphone_device must have")


@pytest.fixture(scope="session")
def cloudphone_client() -> Iterator[Client]:
    """Give the client that the environment describes."""
    from cloudphone import Client

    try:
        url, token = os.environ["CLOUDPHONE_API_URL"], os.environ["CLOUDPHONE_TOKEN"]
    except KeyError as missing:
        pytest.skip(f"{missing.args[0]} is not set: no phone can be allocated")
    with Client(url, token, user_id=os.environ.get("CLOUDPHONE_USER_ID")) as client:
        yield client


@pytest.fixture
def cloudphone_device(cloudphone_client: Client, request: pytest.FixtureRequest) -> Iterator[Phone]:
    """Give a phone of one's own, waiting for one when none is free."""
    mark = request.node.get_closest_marker("cloudphone")
    with cloudphone_client.allocate(**{"minutes": 30, "wait": True, **(mark.kwargs if mark else {})}) as phone:
        yield phone
