"""An allocation that is kept is renewed in time, as often as need be, and its end is noticed."""

from contextlib import suppress
from datetime import timedelta

import pytest

from cloudphone.holding import Holding, News, covered_minutes
from cloudphone.keeping import Keeping, keep
from cloudphone.models import RenewalOutlook
from faked_scheduler import Driver, Scheduler, iso, no_answer, problem


class Kept:
    """Keeps an allocation for some time of the scheduler's clock."""

    def __init__(self, driver: Driver, minutes: int, renew_minutes: int | None = None) -> None:
        self.driver, self.scheduler = driver, driver.scheduler
        self.news: list[News] = []
        granted = driver.run(
            driver.flows.allocate("alice", {"minutes": minutes}, wait=False, max_wait_minutes=30, on_wait=None)
        )
        self.holding = Holding(granted, driver.flows.now())
        self.how = Keeping(renew_minutes, tell=lambda news, _: self.news.append(news))

    def until(self, seconds: float) -> None:
        """Keep it until then; the flow is left in its middle, as by a thread that stops."""

        def stop() -> None:
            if self.scheduler.seconds > seconds:
                raise TimeoutError

        self.driver.on_pause = stop
        with suppress(TimeoutError):
            self.driver.run(keep(self.driver.flows, self.holding, self.how))


def test_it_is_renewed_by_as_much_as_is_allowed_when_half_of_a_minute_is_left(
    driver: Driver, scheduler: Scheduler
) -> None:
    kept = Kept(driver, 1)

    kept.until(90)

    (renewal,) = scheduler.sent("POST", "/renew")
    assert renewal.content == b'{"additionalMinutes":240}'
    assert scheduler.detail()["status"] == "allocated"
    assert kept.news == [News.RENEWED]


def test_it_is_renewed_again_and_again_by_what_is_wanted(driver: Driver, scheduler: Scheduler) -> None:
    kept = Kept(driver, 1, renew_minutes=1)

    kept.until(600)

    assert scheduler.detail()["status"] == "allocated"
    assert len(scheduler.sent("POST", "/renew")) >= 9


def test_a_long_one_is_renewed_five_minutes_before_its_end(driver: Driver, scheduler: Scheduler) -> None:
    kept = Kept(driver, 60)

    kept.until(54 * 60)
    assert scheduler.sent("POST", "/renew") == []
    kept.until(56 * 60)
    assert len(scheduler.sent("POST", "/renew")) == 1


def test_it_is_kept_while_the_scheduler_is_away_for_some_time(driver: Driver, scheduler: Scheduler) -> None:
    kept = Kept(driver, 10)
    scheduler.faults = [no_answer] * 30

    kept.until(900)

    assert News.UNREACHED in kept.news
    assert scheduler.detail()["status"] == "allocated"


def test_who_may_renew_later_asks_then(driver: Driver, scheduler: Scheduler) -> None:
    kept = Kept(driver, 10)
    later = iso(scheduler.now + timedelta(minutes=8))
    scheduler.limit |= {"canRenew": False, "nextRenewalAt": later}

    kept.until(7 * 60 + 50)
    assert kept.news == [News.REFUSED]
    scheduler.limit |= {"canRenew": True, "nextRenewalAt": None}
    kept.until(12 * 60)
    assert scheduler.detail()["status"] == "allocated"


def test_what_cannot_be_renewed_is_lost_at_its_end(driver: Driver, scheduler: Scheduler) -> None:
    kept = Kept(driver, 5)
    scheduler.limit |= {"canRenew": False, "maxAdditionalMinutes": 0, "remainingRenewals": 0}

    kept.until(1000)

    assert kept.holding.ended == "expired"
    assert kept.news[-1] == News.LOST
    assert 2 <= kept.news.count(News.REFUSED) <= 20


def test_a_refusal_after_the_look_ahead_is_one_more_refusal(driver: Driver, scheduler: Scheduler) -> None:
    kept = Kept(driver, 10)
    scheduler.faults = [problem("renewal_refused", 409) if n == 2 else None for n in range(3)]
    kept.scheduler.seconds = 5 * 60 + 1

    kept.until(6 * 60)

    assert kept.news[0] == News.REFUSED


def test_a_failover_is_noticed(driver: Driver, scheduler: Scheduler) -> None:
    kept = Kept(driver, 60)
    scheduler.move("phone-2")

    kept.until(30)

    assert kept.news == [News.MOVED]
    assert (kept.holding.device_id, kept.holding.adb) == ("phone-2", "10.0.0.9:5555")


def test_a_revocation_is_noticed(driver: Driver, scheduler: Scheduler) -> None:
    kept = Kept(driver, 60)
    assert scheduler.allocation
    scheduler.allocation["status"] = "revoked"

    kept.until(60)

    assert (kept.holding.ended, kept.news) == ("revoked", [News.LOST])


def test_a_scheduler_that_stays_away_means_that_the_phone_is_lost(driver: Driver, scheduler: Scheduler) -> None:
    kept = Kept(driver, 5)
    scheduler.faults = [no_answer] * 1000

    kept.until(5000)

    assert kept.holding.ended == "unreached"
    assert scheduler.seconds < 5 * 60 + 4 * 60


@pytest.mark.parametrize(
    ("renewals", "most", "covered"), [(2, 30, 61), (0, 0, 1), (-1, 240, None), (-1, 0, 1), (10, 120, 1201)]
)
def test_what_a_tier_can_cover_is_known_beforehand(renewals: int, most: int, covered: int | None) -> None:
    outlook = RenewalOutlook(True, None, None, renewals, most, None, [])

    assert covered_minutes(1, outlook) == covered
