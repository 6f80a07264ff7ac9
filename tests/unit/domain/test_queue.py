"""Tiers, ageing, and what the facts of the queue mean."""

import pytest

from scheduler.domain.errors import AlreadyQueued, RequestInProgress
from scheduler.domain.model import DeviceWants, User
from scheduler.domain.queue import (
    StaleWaiter,
    Tier,
    WaitFigures,
    head_start_seconds,
    joined_entry,
    stale_waiters,
    tier_of,
)


@pytest.mark.parametrize(
    ("plan", "tier"),
    [
        ("free", Tier.FREE),
        ("basic", Tier.BASIC),
        ("pro", Tier.PRO),
        ("enterprise", Tier.ENTERPRISE),
        ("platinum", Tier.FREE),
        ("PRO", Tier.FREE),
        ("", Tier.FREE),
    ],
)
def test_the_tier_is_the_plan_and_an_unknown_plan_waits_as_free(plan: str, tier: Tier) -> None:
    assert tier_of(plan) is tier


@pytest.mark.parametrize(
    ("tier", "seconds"), [(Tier.FREE, 0), (Tier.BASIC, 600), (Tier.PRO, 1200), (Tier.ENTERPRISE, 1800)]
)
def test_each_tier_is_worth_the_ageing_minutes_of_one_more_step(tier: Tier, seconds: int) -> None:
    assert head_start_seconds(tier, ageing_minutes=10) == seconds


@pytest.mark.parametrize(
    ("fulfilled", "expired", "cancelled", "rate"), [(3, 1, 9, 0.75), (0, 2, 0, 0.0), (0, 0, 5, None)]
)
def test_who_leaves_by_herself_is_neither_success_nor_failure(
    fulfilled: int, expired: int, cancelled: int, rate: float | None
) -> None:
    assert WaitFigures(None, 1, fulfilled, expired, cancelled, None, None).success_rate == rate


def test_a_join_that_was_carried_out_names_its_entry() -> None:
    assert joined_entry({"outcome": "joined", "entryId": "e"}) == "e"


def test_a_join_beside_ones_own_wait_names_that() -> None:
    with pytest.raises(AlreadyQueued) as refusal:
        joined_entry({"outcome": "already_queued", "entryId": "e"})

    assert refusal.value.members == {"entryId": "e"}


def test_a_join_whose_key_was_answered_with_a_grant_is_to_be_asked_again() -> None:
    with pytest.raises(RequestInProgress) as refusal:
        joined_entry({"outcome": "granted", "allocationId": "a"})

    assert refusal.value.retry_after_seconds == 1


def test_a_waiter_whose_quota_is_old_is_named_with_what_she_wants() -> None:
    facts = {"entryId": "e", "tenantId": "acme", "userId": "ana", "deviceType": "pixel-9"}
    specs = {"minCpu": 4, "minMemory": 8192, "minStorage": 128}

    assert stale_waiters({"entries": [facts | specs]}) == [
        StaleWaiter("e", User("acme", "ana"), DeviceWants("pixel-9", 4, 8192, 128))
    ]
    assert stale_waiters({"entries": []}) == []
