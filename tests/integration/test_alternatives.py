"""What a refusal offers instead, and that each offer can be taken by the call that it names."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.api import OTHER_USER, SERVICE, USER, Answer, Api, Claims
from tests.support.clock import Clock

BOTH = pytest.mark.parametrize("claims", [USER, SERVICE], ids=["as the user", "as a service"])


def offers(refusal: Answer) -> dict[str, Any]:
    """Offers of a refusal, by their kind."""
    assert (refusal.status, refusal.code) == (409, "no_available_devices")
    found = {offer["kind"]: offer for offer in refusal.json["alternatives"]}
    assert len(found) == len(refusal.json["alternatives"])
    return found


def take(api: Api, claims: Claims, offer: dict[str, Any]) -> Answer:
    """Follow an offer's link."""
    link = offer["link"]
    answer = api.call(link["method"], link["href"], claims, link["body"])
    assert answer.status == 201, answer.text
    return answer


def ask(api: Api, claims: Claims = USER, **body: Any) -> dict[str, Any]:
    """Ask for a device that alice does not get; give what she is offered."""
    return offers(api.allocate(claims, **body))


def reserve(api: Api, start: datetime, minutes: int = 60) -> None:
    """Book a device for bob."""
    body = {"startTime": start.isoformat(), "durationMinutes": minutes}
    assert api.post("/scheduler/reservations", OTHER_USER, body).status == 201


def lend(api: Api, user: str = "carol", **body: Any) -> str:
    """Lend a device to somebody else; give its id."""
    return str(api.allocate(SERVICE, userId=user, **body).data["deviceId"])


@BOTH
def test_the_longest_time_before_the_next_reservation_is_offered(api: Api, still_clock: Clock, claims: Claims) -> None:
    api.add_devices(2)
    reserve(api, still_clock.read() + timedelta(minutes=20))
    reserve(api, still_clock.read() + timedelta(minutes=38, seconds=40))

    offer = ask(api, claims, durationMinutes=60)["shorter"]

    assert offer["durationMinutes"] == 38
    granted = take(api, claims, offer).data
    lent_for = datetime.fromisoformat(granted["expiresAt"]) - datetime.fromisoformat(granted["allocatedAt"])
    assert (granted["userId"], lent_for) == ("alice", timedelta(minutes=38))


def test_time_that_is_over_before_it_can_be_taken_is_not_offered(api: Api, still_clock: Clock) -> None:
    api.add_devices(1)
    reserve(api, still_clock.read() + timedelta(seconds=80))

    assert "shorter" not in ask(api, durationMinutes=60)


@BOTH
def test_the_earliest_time_for_all_of_it_is_offered(api: Api, still_clock: Clock, claims: Claims) -> None:
    api.add_devices(2)
    freed = still_clock.read() + timedelta(minutes=45)
    lend(api, durationMinutes=45)
    lend(api, durationMinutes=90)
    reserve(api, freed + timedelta(minutes=60))

    offer = ask(api, claims, durationMinutes=60)["later"]

    assert datetime.fromisoformat(offer["startTime"]) == freed
    assert offer["durationMinutes"] == 60
    booked = take(api, claims, offer).data
    assert (booked["userId"], booked["status"]) == ("alice", "pending")


def test_a_later_time_is_booked_for_a_quarter_of_an_hour_at_least(api: Api, still_clock: Clock) -> None:
    api.add_devices(1)
    lend(api)

    offer = ask(api, durationMinutes=5)["later"]

    assert offer["durationMinutes"] == 15
    take(api, USER, offer)


def test_a_later_time_leaves_time_to_take_it(api: Api, still_clock: Clock) -> None:
    api.add_devices(1)
    lend(api, durationMinutes=1)
    still_clock.advance(seconds=30)

    offer = ask(api)["later"]
    still_clock.advance(seconds=45)

    take(api, USER, offer)


@BOTH
def test_the_nearest_smaller_device_is_offered(api: Api, still_clock: Clock, claims: Claims) -> None:
    api.add_devices(1, cpuCores=2, memoryMB=2048)
    (nearest,) = api.add_devices(1, cpuCores=6, memoryMB=8192)
    api.add_devices(1, cpuCores=8, memoryMB=16384)
    lend(api, preferredSpecs={"minCpu": 8})

    offer = ask(api, claims, preferredSpecs={"minCpu": 8, "minMemory": 4096}, deviceType="android-14")["smaller"]

    assert offer["specs"] == {"minCpu": 6, "minMemory": 4096}
    assert take(api, claims, offer).data["deviceId"] == nearest


def test_a_device_of_another_type_is_not_a_smaller_one(api: Api, still_clock: Clock) -> None:
    api.add_devices(1, deviceType="android-13", cpuCores=2)
    api.add_devices(1, cpuCores=8)
    lend(api, deviceType="android-14")

    assert "smaller" not in ask(api, preferredSpecs={"minCpu": 4}, deviceType="android-14")


@BOTH
def test_a_place_in_line_is_offered(api: Api, still_clock: Clock, claims: Claims) -> None:
    api.add_devices(1, cpuCores=4)
    lend(api)

    offer = ask(api, claims, durationMinutes=25, preferredSpecs={"minCpu": 3})["wait"]

    joined = take(api, claims, offer).data
    assert (joined["status"], joined["durationMinutes"], joined["specs"]["minCpu"]) == ("waiting", 25, 3)


def test_who_waits_already_is_offered_no_other_place(api: Api, still_clock: Clock) -> None:
    api.add_devices(1)
    lend(api)
    take(api, USER, ask(api)["wait"])

    assert "wait" not in ask(api)


def test_what_others_wait_for_is_not_offered(api: Api, still_clock: Clock) -> None:
    (small,) = api.add_devices(1, cpuCores=2)
    lend(api, "carol")
    (_big,) = api.add_devices(1, cpuCores=8)
    lend(api, "dave")
    waiting = api.post("/scheduler/queue", SERVICE, {"userId": "erin", "durationMinutes": 30}).data["id"]
    api.release(small)

    assert "smaller" not in ask(api, preferredSpecs={"minCpu": 8})

    api.post(f"/scheduler/queue/{waiting}/cancel", SERVICE)
    assert ask(api, preferredSpecs={"minCpu": 8})["smaller"]["specs"] == {"minCpu": 2}


def test_time_that_others_wait_for_is_not_offered(api: Api, still_clock: Clock) -> None:
    (device,) = api.add_devices(1)
    lend(api, "carol")
    waiting = api.post("/scheduler/queue", SERVICE, {"userId": "erin", "durationMinutes": 10}).data["id"]
    reserve(api, still_clock.read() + timedelta(minutes=70))
    api.release(device)

    assert "shorter" not in ask(api, durationMinutes=100)

    api.post(f"/scheduler/queue/{waiting}/cancel", SERVICE)
    assert ask(api, durationMinutes=100)["shorter"]["durationMinutes"] == 69


def test_where_nothing_is_possible_nothing_is_offered(api: Api, still_clock: Clock) -> None:
    refusal = api.allocate()

    assert offers(refusal) == {}
    assert refusal.headers["Retry-After"] == "15"


def test_a_refused_user_comes_back_when_a_device_may_be_free(api: Api, still_clock: Clock) -> None:
    api.add_devices(1)
    lend(api, durationMinutes=1)
    still_clock.advance(seconds=52)

    assert api.allocate().headers["Retry-After"] == "8"
