"""Deduplication ids are forgotten as MiniStack itself would forget them."""

from typing import Any

import pytest
from ministack.services import sns, sqs

from tools.embedded.ministack import forget_old

NOW = 1000.0


def cache(*expiries: float) -> dict[str, Any]:
    return {f"id-{number}": {"expire": expiry} for number, expiry in enumerate(expiries)}


@pytest.mark.parametrize(
    "expiries",
    [
        pytest.param((), id="none"),
        pytest.param((999.0, 1000.0, 1000.1, 1200.0), id="some are old"),
        pytest.param((998.0, 999.0), id="all are"),
        pytest.param((1001.0, 1002.0), id="none is"),
    ],
)
def test_the_same_ids_are_left(monkeypatch: pytest.MonkeyPatch, expiries: tuple[float, ...]) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    ours, queue, topic = cache(*expiries), {"dedup_cache": cache(*expiries)}, {"dedup_cache": cache(*expiries)}

    forget_old(ours, NOW)
    sqs._prune_dedup(queue)
    sns._prune_sns_dedup(topic)

    assert ours == queue["dedup_cache"] == topic["dedup_cache"]
