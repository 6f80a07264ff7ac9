"""Uses of a tenant and step: endings fold in once, old ones fade, few are drawn towards what the model says."""

from dataclasses import replace
from typing import Any

import pytest

from scheduler.domain.placement_model import PlacementModel, Uses
from scheduler.domain.placement_uses import DRAWN_TO_THE_MODEL, Use, share_of, uses_after

DAY = 86_400.0
MODEL = PlacementModel(
    half_life_days=10.0, uses=Uses((0.2, 0.4, 0.6, 0.8, 1.0), {"acme|60": (0.1, 0.2, 0.3, 0.4, 0.5)})
)
about = pytest.approx


def ending(tenant: str = "acme", minutes: int = 60, hours: float = 0.5, ended_at: float = DAY) -> dict[str, Any]:
    return {"tenantId": tenant, "minutes": minutes, "hours": hours, "endedAt": ended_at}


def row(tenant: str = "acme", step: int = 60, sessions: float = 0, shares: float = 0, as_of: float = 0) -> Any:
    return {"tenant_id": tenant, "step": step, "sessions": sessions, "shares": shares, "as_of": as_of}


def test_old_sessions_fade_and_a_new_one_is_added() -> None:
    assert Use(8.0, 4.0, DAY).plus(0.75, 11 * DAY, 10.0) == Use(5.0, 2.75, 11 * DAY)


def test_one_that_ended_before_makes_nothing_fade() -> None:
    assert Use(8.0, 4.0, DAY).plus(0.75, 0.0, 10.0) == Use(9.0, 4.75, DAY)


def test_who_stayed_longer_than_asked_used_all_of_it() -> None:
    assert Use().plus(1.5, DAY, 10.0).shares == 1.0


def test_few_sessions_are_drawn_to_the_models_share() -> None:
    sessions = DRAWN_TO_THE_MODEL

    assert share_of(MODEL, ("acme", 60), Use()) == about(0.3)
    assert share_of(MODEL, ("acme", 120), Use()) == about(0.6)
    assert share_of(MODEL, ("acme", 60), Use(sessions, 0.9 * sessions)) == about(0.6)
    assert share_of(MODEL, ("acme", 60), Use(1e9, 0.9e9)) == about(0.9)


def test_a_lesson_counts_for_the_tenant_and_step() -> None:
    changed = uses_after(
        MODEL,
        [row(sessions=8, shares=4, as_of=DAY), row(step=120), row("globex")],
        [ending(hours=0.25, ended_at=11 * DAY), ending(minutes=45, hours=0.375, ended_at=21 * DAY)],
    )

    assert changed == [
        {
            "tenant_id": "acme",
            "step": 60,
            "sessions": about(3.5),
            "shares": about(1.125 + 0.5),
            "as_of": 21 * DAY,
            "share": about((20 * 0.3 + 1.125 + 0.5) / 23.5),
        }
    ]


def test_tenants_and_steps_are_kept_apart() -> None:
    changed = uses_after(MODEL, [], [ending("globex"), ending(minutes=61, hours=1.0), ending()])

    assert [(one["tenant_id"], one["step"], one["sessions"]) for one in changed] == [
        ("acme", 60, 1.0),
        ("acme", 120, 1.0),
        ("globex", 60, 1.0),
    ]
    assert changed[0]["shares"] == about(0.5)
    assert changed[1]["shares"] == about(60 / 61)


def test_where_nothing_ended_nothing_changes() -> None:
    assert uses_after(MODEL, [row(sessions=8, shares=4)], []) == []


def test_the_half_life_is_the_models() -> None:
    (kept,) = uses_after(replace(MODEL, half_life_days=5.0), [row(sessions=8)], [ending(ended_at=10 * DAY)])

    assert kept["sessions"] == about(3.0)
