"""Which services next door a region starts."""

from importlib.util import find_spec

import pytest

from tools.region import template
from tools.region.neighbourhood import NEIGHBOURS, USER_SERVICE, missing, wanted

URLS = {neighbour.variable: "http://127.0.0.1:1" for neighbour in NEIGHBOURS}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, (), id="none by itself"),
        pytest.param({"USER_SERVICE": "1"}, (USER_SERVICE,), id="the user service alone"),
        pytest.param({"NEIGHBOURS": "1"}, NEIGHBOURS, id="all"),
        pytest.param({"NEIGHBOURS": "1", "USER_SERVICE": "1"}, NEIGHBOURS, id="all, whatever else is said"),
        pytest.param({"NEIGHBOURS": "0", "USER_SERVICE": "0"}, (), id="none when told so"),
    ],
)
def test_a_region_has_the_neighbours_that_are_asked_for(environment, expected):
    assert wanted(environment) == expected


def test_a_running_region_says_which_it_lacks():
    assert missing({"NEIGHBOURS": "1"}, {"USER_SERVICE_URL": "http://127.0.0.1:1"}) == [
        "billing-service",
        "notification-service",
    ]
    assert missing({"NEIGHBOURS": "1"}, URLS) == []
    assert missing({}, {}) == []


def test_each_neighbour_is_one_of_its_own():
    assert len(NEIGHBOURS) == 3
    for member in ("name", "module", "parameter", "variable"):
        assert len({getattr(neighbour, member) for neighbour in NEIGHBOURS}) == len(NEIGHBOURS)
    assert all(find_spec(neighbour.module) for neighbour in NEIGHBOURS)


def test_the_template_takes_the_url_of_each():
    assert {neighbour.parameter for neighbour in NEIGHBOURS} <= set(template.load()["Parameters"])
