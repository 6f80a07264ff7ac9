"""The tiers as the contract has them, and what the facts of a renewal mean."""

from dataclasses import astuple, replace
from datetime import UTC, datetime

import pytest

from scheduler.domain.errors import RenewalForbidden, RenewalRefused
from scheduler.domain.outcome import accepted
from scheduler.domain.plans import plan_document
from scheduler.domain.quota import NO_DOCUMENT
from scheduler.domain.renewal import (
    TIERS,
    PastRenewal,
    Renewal,
    RenewalOutlook,
    Rule,
    renewal_made,
    renewal_outlook,
    renewal_terms,
)

NOON = "2026-03-02T12:00:00.000000Z"
ONE = "2026-03-02T13:00:00.000000Z"
PAST = {"renewedAt": NOON, "additionalMinutes": 60, "oldExpiresAt": NOON, "newExpiresAt": ONE, "reason": "why"}
VERDICT = {
    "outcome": "renewable",
    "rule": None,
    "reason": None,
    "remainingDevices": 0,
    "remainingRenewals": 2,
    "maxAdditionalMinutes": 30,
    "nextRenewalAt": None,
    "retryAfterSeconds": None,
}
OPEN = RenewalOutlook(None, None, 2, 30, None, ())


def verdict(outcome, rule, **facts):
    return VERDICT | {"outcome": outcome, "rule": rule} | facts


def test_the_tiers_are_those_of_the_contract():
    told = {plan: astuple(tier) for plan, tier in TIERS.items()}

    assert told == {  # count, minutes each, minutes in all, cooldown in seconds, window in minutes
        "free": (2, 30, 120, 300, 30),
        "basic": (5, 60, 480, 120, 60),
        "pro": (10, 120, 1440, 60, 120),
        "enterprise": (None, 240, None, 0, 240),
    }


@pytest.mark.parametrize("plan", ["free", "basic", "pro", "enterprise"])
def test_the_tier_is_the_plans(plan):
    assert renewal_terms(plan_document(plan)).tier == TIERS[plan]


@pytest.mark.parametrize("plan", ["", "unknown", "gold", "PRO"])
def test_an_unknown_plan_renews_as_free(plan):
    assert renewal_terms(replace(NO_DOCUMENT, plan_name=plan)).tier == TIERS["free"]


@pytest.mark.parametrize(
    ("status", "refusal"),
    [("active", None), ("exceeded", None), ("suspended", "Quota suspended"), ("expired", "Quota expired")],
)
def test_a_quota_is_checked_by_its_status_and_how_long_it_is_valid(status, refusal):
    end = datetime(2026, 3, 2, tzinfo=UTC)

    terms = renewal_terms(replace(plan_document("pro"), status=status, valid_until=end))

    assert (terms.refusal, terms.valid_until) == (refusal, end)


@pytest.mark.parametrize("rule", Rule)
def test_a_rule_that_refuses_is_told_with_what_is_possible(rule):
    outcome = "renewal_forbidden" if rule in {Rule.COUNT, Rule.MINUTES, Rule.TOTAL} else "renewal_refused"

    with pytest.raises(RenewalRefused) as refusal:
        accepted(verdict(outcome, str(rule), nextRenewalAt=ONE, retryAfterSeconds=90))

    assert isinstance(refusal.value, RenewalForbidden) == (outcome == "renewal_forbidden")
    assert refusal.value.code == "renewal_refused"
    assert refusal.value.retry_after_seconds == 90
    assert refusal.value.members == {
        "rule": str(rule),
        "maxAdditionalMinutes": 30,
        "nextRenewalAt": ONE,
        "remainingRenewals": 2,
    }
    assert refusal.value.detail.endswith(f". Possible: 30 minutes, from {ONE}")


def test_rules_have_texts_of_their_own():
    texts = set()
    for rule in Rule:
        with pytest.raises(RenewalRefused) as refusal:
            accepted(verdict("renewal_refused", str(rule), maxAdditionalMinutes=0))
        texts.add(refusal.value.detail)

    assert len(texts) == len(Rule)
    assert not any("Possible" in text for text in texts)


def test_a_renewal_is_read_whole():
    facts = {
        "outcome": "renewed",
        "allocationId": "a-1",
        "deviceId": "phone-1",
        "oldExpiresAt": NOON,
        "newExpiresAt": ONE,
        "additionalMinutes": 60,
        "renewalCount": 3,
        "remainingRenewals": -1,
        "totalDurationMinutes": 240,
    }

    assert renewal_made(facts) == Renewal(
        allocation_id="a-1",
        device_id="phone-1",
        old_expires_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
        new_expires_at=datetime(2026, 3, 2, 13, tzinfo=UTC),
        additional_minutes=60,
        renewal_count=3,
        remaining_renewals=-1,
        total_duration_minutes=240,
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(VERDICT, OPEN, id="it can be renewed"),
        pytest.param(
            verdict("not_active", "not_active", maxAdditionalMinutes=0),
            replace(OPEN, reason="allocation_not_active", detail="The allocation has ended.", max_additional_minutes=0),
            id="it has ended",
        ),
        pytest.param(
            verdict("over_quota", "over_quota", reason="Quota suspended"),
            replace(OPEN, reason="quota_exceeded", detail="Quota suspended"),
            id="the quota refuses",
        ),
        pytest.param(
            verdict("renewal_refused", "cooldown", nextRenewalAt=ONE),
            replace(
                OPEN,
                reason="cooldown",
                detail=f"The last renewal was too short a time ago. Possible: 30 minutes, from {ONE}",
                next_renewal_at=datetime(2026, 3, 2, 13, tzinfo=UTC),
            ),
            id="patience helps",
        ),
        pytest.param(
            verdict("renewal_refused", "reservation"),
            replace(
                OPEN,
                reason="reservation",
                detail="The device is reserved too soon after the end. Possible: 30 minutes, now",
            ),
            id="less is possible now",
        ),
    ],
)
def test_a_look_ahead_says_what_a_renewal_would_be_answered(facts, expected):
    assert renewal_outlook(facts | {"history": []}) == expected


def test_the_history_is_read_as_it_was_told():
    noon, one = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 13, tzinfo=UTC)

    (past,) = renewal_outlook(VERDICT | {"history": [PAST]}).history

    assert past == PastRenewal(noon, 60, noon, one, "why")
