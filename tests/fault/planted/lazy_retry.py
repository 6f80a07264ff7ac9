"""When the connection breaks, just send the statement again."""

from dataclasses import replace
from typing import Any

from scheduler.adapters.postgres import connection
from tests.fault.planted.bug import QUIET, Bug
from tests.fault.planted.drama import Drama


def retry_whatever_broke() -> None:
    """Make workers take every failure for one that left no effect."""
    patched: Any = connection
    patched.proves_no_effect = lambda _: True


def the_answer_to_a_commit_is_lost(drama: Drama) -> None:
    """The grant committed; its answer did not come. No idempotency key covers it."""
    drama.allocate(drama.cat)  # connects
    drama.scene.proxies["postgres"].arm("drop_reply", when=b"claim_device(")
    drama.allocate(drama.ana)


BUG = Bug(
    "lazy retry of a commit with unknown outcome",
    "grants",
    the_answer_to_a_commit_is_lost,
    setting=replace(QUIET, proxied=frozenset({"postgres"})),
    in_workers=retry_whatever_broke,
)
