"""MiniStack that forgets deduplication ids one by one as they grow old.

Its own way is to copy what it has seen in five minutes with each message: at hundreds a second that is what would be
measured.
"""

import time
from itertools import takewhile
from typing import Any


def forget_old(cache: dict[str, Any], now: float) -> None:
    """Forget what has expired; ids lie in the order in which they came, and all live equally long."""
    for old in list(takewhile(lambda one: cache[one]["expire"] <= now, cache)):
        del cache[old]


def main() -> None:
    """Be the server."""
    from ministack.app import main as serve
    from ministack.services import sns, sqs

    sqs._prune_dedup = lambda queue: forget_old(queue["dedup_cache"], time.time())
    sns._prune_sns_dedup = lambda topic: forget_old(topic.setdefault("dedup_cache", {}), time.time())
    serve()


if __name__ == "__main__":
    main()
