"""The flow that keeps an allocation: looks how it is, renews it in time, says what befell it."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cloudphone import routes
from cloudphone.errors import AllocationNotActive, AllocationNotFound, CloudPhoneError, RenewalRefused
from cloudphone.flows import Flow, Flows, Pause
from cloudphone.holding import Holding, News, minutes_to_ask

logger = logging.getLogger("cloudphone")
GIVE_UP_AFTER = timedelta(minutes=2)
"""How long after the end an allocation counts as lost although nobody answers."""

Told = Callable[[News, str], None]


def to_the_log(news: News, text: str) -> None:
    """Write what befell an allocation to the log `cloudphone`."""
    logger.log(logging.INFO if news in (News.RENEWED, News.MOVED) else logging.WARNING, "%s", text)


@dataclass(frozen=True)
class Keeping:
    """How an allocation is kept.

    `renew_minutes`: by how much at a time, None: as much as is allowed. `look_seconds`: how often it is looked at, so
    that a revocation or a failover is noticed. `tell` hears the news, in the thread or task that keeps.
    """

    renew_minutes: int | None = None
    look_seconds: float = 20.0
    tell: Told = to_the_log


def keep(flows: Flows, holding: Holding, how: Keeping) -> Flow[None]:
    """Keep the allocation until it is over: its end is what bounds this loop, and each turn begins with a pause."""
    while holding.ended is None:
        yield Pause(holding.look_again_seconds(flows.now(), how.look_seconds) * random.uniform(0.9, 1.0))
        try:
            yield from _look(flows, holding, how)
        except (AllocationNotActive, AllocationNotFound) as gone:
            holding.end(gone.problem.code)
        except CloudPhoneError as problem:
            if flows.now() > holding.expires_at + GIVE_UP_AFTER:
                holding.end("unreached")
            how.tell(News.UNREACHED, f"{holding.device_id}: {problem}")
    if holding.ended != "released":
        how.tell(News.LOST, f"{holding.device_id} is not yours any more: {holding.ended}")


def _look(flows: Flows, holding: Holding, how: Keeping) -> Flow[None]:
    detail = yield from flows.ask(routes.allocation(holding.allocation_id))
    if holding.follow(detail, flows.now()) == "moved":
        how.tell(News.MOVED, f"A failover moved the allocation to {holding.device_id} at {holding.adb}")
    if holding.ended is None and holding.is_due(flows.now()):
        yield from _renew(flows, holding, how)


def _renew(flows: Flows, holding: Holding, how: Keeping) -> Flow[None]:
    outlook = yield from flows.ask(routes.renewal(holding.allocation_id))
    minutes = minutes_to_ask(outlook, how.renew_minutes)
    why, again = outlook.detail or outlook.reason or "", outlook.next_renewal_at
    if minutes:
        try:
            renewal = yield from flows.ask(routes.renew(holding.allocation_id, minutes))
        except RenewalRefused as refused:
            why, again = refused.problem.detail, refused.problem.next_renewal_at
        else:
            holding.renewed(renewal.new_expires_at, flows.now())
            until = f"{renewal.new_expires_at.astimezone():%H:%M:%S}"
            how.tell(News.RENEWED, f"{holding.device_id} renewed by {minutes} minutes, until {until}")
            return
    holding.refused(again, flows.now())
    how.tell(News.REFUSED, f"{holding.device_id} is not renewed: {why}")
