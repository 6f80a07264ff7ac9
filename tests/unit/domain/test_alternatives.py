"""What a refused user is offered instead, and the call that takes each offer."""

from typing import Any

import pytest

from scheduler.domain.alternatives import RETRY_AFTER_SECONDS, alternatives_of, retry_after_seconds

ASKED = {
    "tenantId": "acme",
    "userId": "ana",
    "durationMinutes": 60,
    "deviceType": "pixel-9",
    "minCpu": 4,
    "minMemory": 8192,
    "minStorage": None,
}
NOTHING: dict[str, Any] = {
    "asked": ASKED,
    "shorterMinutes": None,
    "smaller": None,
    "later": None,
    "canWait": False,
}
WHO = {"tenantId": "acme", "userId": "ana"}
WHOLE = WHO | {
    "durationMinutes": 60,
    "deviceType": "pixel-9",
    "preferredSpecs": {"minCpu": 4, "minMemory": 8192},
}


def offers(**possible: Any) -> list[dict[str, Any]]:
    return alternatives_of(NOTHING | possible)


def post(href: str, **body: Any) -> dict[str, Any]:
    return {"method": "POST", "href": href, "body": body}


def test_a_shorter_time_is_asked_for_by_the_same_call_with_fewer_minutes() -> None:
    link = post("/scheduler/devices/allocate", **WHOLE | {"durationMinutes": 25})

    assert offers(shorterMinutes=25) == [{"kind": "shorter", "durationMinutes": 25, "link": link}]


def test_a_smaller_device_is_asked_for_with_its_specs_in_place_of_those_that_were_wanted() -> None:
    smaller = {"minCpu": 2, "minMemory": 4096, "minStorage": None}
    specs = {"minCpu": 2, "minMemory": 4096}
    link = post("/scheduler/devices/allocate", **WHOLE | {"preferredSpecs": specs})

    assert offers(smaller=smaller) == [{"kind": "smaller", "specs": specs, "link": link}]


def test_a_link_names_no_specs_when_none_were_wanted() -> None:
    anything = ASKED | {"deviceType": None, "minCpu": None, "minMemory": None}
    (offer,) = alternatives_of(NOTHING | {"asked": anything, "canWait": True})

    assert offer["link"]["body"] == WHO | {"durationMinutes": 60}


def test_all_of_it_later_is_a_reservation_of_the_same_device() -> None:
    later = {"startTime": "2026-03-02T13:00:00Z", "durationMinutes": 60}
    link = post("/scheduler/reservations", **WHOLE, startTime="2026-03-02T13:00:00Z")

    assert offers(later=later) == [{"kind": "later", **later, "link": link}]


def test_a_later_time_lasts_as_long_as_a_reservation_must() -> None:
    later = {"startTime": "2026-03-02T13:00:00Z", "durationMinutes": 15}
    (offer,) = alternatives_of(NOTHING | {"asked": ASKED | {"durationMinutes": 5}, "later": later})

    assert (offer["durationMinutes"], offer["link"]["body"]["durationMinutes"]) == (15, 15)


def test_a_place_in_line_is_taken_with_the_same_wish() -> None:
    assert offers(canWait=True) == [{"kind": "wait", "link": post("/scheduler/queue", **WHOLE)}]


def test_what_can_be_had_at_once_is_offered_first() -> None:
    later = {"startTime": "2026-03-02T13:00:00Z", "durationMinutes": 60}
    kinds = [each["kind"] for each in offers(canWait=True, later=later, smaller={"minCpu": 2}, shorterMinutes=25)]

    assert kinds == ["shorter", "smaller", "later", "wait"]


def test_nothing_is_offered_when_nothing_is_possible() -> None:
    assert offers() == []


def test_nothing_is_offered_to_who_did_not_say_what_she_wants() -> None:
    assert alternatives_of({"outcome": "none_free"}) == []


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        pytest.param({"freesInSeconds": 7}, 7, id="when a device frees"),
        pytest.param({"freesInSeconds": 7.0}, 7, id="in whole seconds"),
        pytest.param({"freesInSeconds": 900}, RETRY_AFTER_SECONDS, id="no later than usual"),
        pytest.param({"freesInSeconds": 0}, 1, id="never at once"),
        pytest.param({"freesInSeconds": None}, RETRY_AFTER_SECONDS, id="as usual when none frees"),
        pytest.param({}, RETRY_AFTER_SECONDS, id="as usual when it is not known"),
    ],
)
def test_one_may_ask_again_when_a_device_frees(facts: dict[str, Any], seconds: int) -> None:
    asked_again = retry_after_seconds(facts)

    assert (asked_again, type(asked_again)) == (seconds, int)
