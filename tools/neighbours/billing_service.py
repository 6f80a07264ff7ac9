"""A billing service: usage to meter, balances to ask. `python -m tools.neighbours.billing_service --port N`.

POST /api/internal/metering/device-usage               applied once for each Idempotency-Key
GET  /api/internal/accounts/user/{userId}/balance      {"sufficient", "balance", "currency"}
PUT  /control/balances/{userId}                        set members of a balance
GET  /control/usage                                    what was applied, and the seconds of each user

and what every service has (service.py).
"""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tools.neighbours.applied import Applied
from tools.neighbours.service import Asked, Service, run, served

_BALANCE = {"sufficient": True, "balance": 100.0, "currency": "EUR"}
_MEMBERS = (
    *("allocationId", "deviceId", "deviceName", "userId", "tenantId"),
    *("deviceConfig", "duration", "startTime", "endTime"),
)
_CONFIG = ("cpuCores", "memoryMB", "storageMB")


class Ledger:
    """Balances, and usage that was told: in memory, safe to use from many threads."""

    def __init__(self, *, forgetful: bool = False) -> None:
        """Begin empty: everybody has money. A forgetful ledger applies usage that comes again."""
        self._lock = threading.Lock()
        self._balances: dict[str, Mapping[str, Any]] = {}
        self._applied = Applied(forgetful=forgetful)

    def set_balance(self, user_id: str, balance: Mapping[str, Any]) -> None:
        """Keep members of a user's balance; the rest is everybody's."""
        with self._lock:
            self._balances[user_id] = balance

    def balance(self, user_id: str) -> dict[str, Any]:
        """Return a user's balance."""
        with self._lock:
            return {**_BALANCE, **self._balances.get(user_id, {})}

    def meter(self, key: str, usage: Mapping[str, Any]) -> bool:
        """Apply a record of usage unless one with this key was applied; tell whether it was new.

        Raises:
            ValueError: A member is missing, or the duration is no whole number of seconds.
        """
        config = usage.get("deviceConfig") or {}
        missing = [name for name in _MEMBERS if name not in usage] + [name for name in _CONFIG if name not in config]
        if missing:
            raise ValueError(f"missing: {', '.join(missing)}")
        if type(usage["duration"]) is not int:
            raise ValueError("duration is no whole number of seconds")
        return self._applied.add(key, usage)

    def usage(self) -> dict[str, Any]:
        """Return what was applied, in order, how many came again, and the seconds of each user, credits taken off."""
        known = self._applied.all()
        seconds: Counter[str] = Counter()
        for usage in known["applied"]:
            seconds[usage["userId"]] += usage["duration"]
        return {**known, "seconds": dict(seconds)}


class BillingService(Service):
    """The server and its ledger."""

    def __init__(self, port: int, secret: str) -> None:
        """Begin with an empty ledger."""
        super().__init__(port, secret)
        self.ledger = Ledger()

    def answer(self, asked: Asked) -> Any:
        """Meter usage or tell a balance."""
        match asked.route:
            case "POST", ["metering", "device-usage"]:
                return {"applied": self.ledger.meter(asked.key, asked.document)}
            case "GET", ["accounts", "user", user_id, "balance"]:
                return self.ledger.balance(user_id)
        return None

    def control(self, asked: Asked) -> Any:
        """Set a balance or show usage."""
        match asked.route:
            case "PUT", ["balances", user_id]:
                self.ledger.set_balance(user_id, asked.document)
                return self.ledger.balance(user_id)
            case "GET", ["usage"]:
                return self.ledger.usage()
        return None


@contextmanager
def billing_service(port: int = 0, secret: str | None = None) -> Iterator[BillingService]:
    """Run a billing service in this process for the time of the `with` block."""
    with served(BillingService, port, secret) as server:
        yield server


if __name__ == "__main__":
    run("billing service", BillingService)
