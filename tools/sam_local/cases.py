"""The table: which function gets which sample event, in which order, and what it must answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Case:
    """One invocation."""

    function: str
    """Logical id in template.yaml."""
    event: str
    """File under events/."""
    expected: Mapping[str, object]
    """Members of the answer by dotted path, as `answers.mismatches` takes them."""
    ahead: timedelta = timedelta(0)
    """How far the database's clock runs ahead of the true one from here on."""
    replays: bool = False
    """Whether the body must be the very one of the case before: a repeated idempotency key."""
    beside: bool = False
    """Whether it may run at the same time as those before: neither changes what the other tells."""


def _created(data: Mapping[str, object]) -> Mapping[str, object]:
    return {"statusCode": 201, "body.success": True} | {f"body.data.{name}": value for name, value in data.items()}


def _beside(function: str, event: str, expected: Mapping[str, object]) -> Case:
    return Case(function, event, expected, beside=True)


def _missing(function: str, event: str, what: str) -> Case:
    return _beside(function, event, {"statusCode": 404, "body.code": f"{what}_not_found"})


_GRANTED = {"allocationId": str, "expiresAt": str, "adbPort": 5555, "tenantId": "acme"}
_PHONE_1 = {"deviceId": "phone-0001", "device.name": "Pixel 9 Pro 01", "userId": "user-ana"}

PUBLISHED = {
    "device.allocated": 3,
    "device.released": 1,
    "scheduler.allocation.expired": 2,
    "scheduler.queue.joined": 2,
    "scheduler.queue.expired": 2,
    "scheduler.device.quarantined": 1,
    "scheduler.device.restored": 1,
}
"""How many events of each type the relay must have brought to the queue behind the topic, in both of its runs."""

TOLD = [("user-ana", "phone-0001", "decrement")]
"""What the user service must have been told of usage: user, device, operation. The queue delivers it twice."""

_DAY_BEFORE = datetime(2036, 3, 2, 9, tzinfo=UTC) - datetime.now(UTC)
"""Takes the clock to the day before the reservations of the samples."""

# Each case stands on the ones before: devices are made, then lent, then given back or left to expire. Events from
# outside may come in any order, so they run beside each other.
CASES = (
    Case("MigrateFunction", "direct/migrate.json", {"applied.0": str, "routines": list, "version": str}),
    Case("SmokeFunction", "direct/smoke.json", {"smoke": "passed"}),
    _beside("QueryFunction", "http/health.json", {"statusCode": 200, "body.data.status": "ok"}),
    Case("FleetFunction", "http/device-create.json", _created({"ids": ["phone-0001"]})),
    Case("FleetFunction", "http/devices-create.json", _created({"ids": ["phone-0002", "phone-0003"]})),
    Case("FleetFunction", "http/device-update.json", {"statusCode": 200, "body.data.id": "phone-0003"}),
    Case("QueryFunction", "http/devices-available.json", {"statusCode": 200, "body.total": 3}),
    Case("FleetFunction", "http/devices-list.json", {"statusCode": 200, "body.data.2.healthScore": 100}),
    _beside("FleetFunction", "http/fleet.json", {"statusCode": 200, "body.data.2.userId": None}),
    Case("FleetFunction", "http/device-drain.json", {"statusCode": 200, "body.data.life": "draining"}),
    Case("FleetFunction", "http/device-quarantine.json", {"statusCode": 200, "body.data.life": "quarantined"}),
    Case("FleetFunction", "http/device-recycled.json", {"statusCode": 200, "body.data.life": "quarantined"}),
    Case("FleetFunction", "http/device-restore.json", {"statusCode": 200, "body.data.life": "in_service"}),
    Case("FleetFunction", "http/device-get.json", {"statusCode": 200, "body.data.lifeReason": None}),
    _beside("AuditFunction", "http/audit-log.json", {"statusCode": 200, "body.data.0.after.life": "in_service"}),
    Case("AllocateFunction", "http/allocate.json", _created(_GRANTED | _PHONE_1)),
    Case("AllocateFunction", "http/allocate-idempotent.json", _created(_GRANTED | {"userId": "user-ben"})),
    Case("AllocateFunction", "http/allocate-idempotent.json", _created({"userId": "user-ben"}), replays=True),
    Case("AllocateFunction", "http/allocate-invalid.json", {"statusCode": 422, "body.code": "validation_failed"}),
    _beside("QueryFunction", "http/allocations-list.json", {"statusCode": 200, "body.data.1.status": "allocated"}),
    _missing("QueryFunction", "http/allocation-get.json", "allocation"),
    _missing("QueryFunction", "http/allocation-explain.json", "allocation"),
    _beside(
        "QueryFunction",
        "http/explain-request.json",
        {"statusCode": 200, "body.data.now.excluded.0.filter": "too_small"},
    ),
    _missing("RenewFunction", "http/allocation-renewal.json", "allocation"),
    _missing("RenewFunction", "http/allocation-renew.json", "allocation"),
    _missing("InterveneFunction", "http/allocation-revoke.json", "allocation"),
    _missing("InterveneFunction", "http/allocation-failover.json", "allocation"),
    _beside("QueryFunction", "http/quota-get.json", {"statusCode": 200, "body.data.usage.currentDevices": 1}),
    Case("InterveneFunction", "http/quota-change.json", {"statusCode": 200, "body.data.remainingDevices": 19}),
    _beside("InterveneFunction", "http/plan-get.json", {"statusCode": 200, "body.data.limits.maxDevices": 10}),
    Case("InterveneFunction", "http/plan-change.json", {"statusCode": 200, "body.data.limits.maxDevices": 30}),
    _beside("InterveneFunction", "http/dlqs-list.json", {"statusCode": 200, "body.data.0.waiting": 1}),
    Case("InterveneFunction", "http/dlq-redrive.json", {"statusCode": 200, "body.data.moved": 1}),
    Case("ReleaseFunction", "http/release.json", {"statusCode": 200, "body.data.deviceId": "phone-0001"}),
    Case("AllocateFunction", "http/allocate.json", _created(_GRANTED | _PHONE_1)),
    Case("QueueFunction", "http/queue-join.json", _created({"status": "waiting", "position": 1, "tier": str})),
    Case("AllocateFunction", "http/allocate-wait.json", {"statusCode": 202, "body.data.position": 2}),
    Case("QueueFunction", "http/queue-list.json", {"statusCode": 200, "body.data.1.userId": "user-cai"}),
    _missing("QueueFunction", "http/queue-get.json", "queue_entry"),
    _missing("QueueFunction", "http/queue-cancel.json", "queue_entry"),
    _beside("QueueFunction", "http/queue-stats.json", {"statusCode": 200, "body.data.waiting": 2}),
    Case("DispatchFunction", "http/queue-process.json", {"statusCode": 200, "body.data.served": 0}),
    Case("DispatchFunction", "sqs/dispatch.json", {"batchItemFailures": []}),
    Case("QueryFunction", "http/stats.json", {"statusCode": 200, "body.data.totalAllocations": 3}),
    _beside("StatisticsFunction", "schedule/statistics.json", {"devices": 3, "allocated": 2}),
    Case("RelayFunction", "schedule/relay.json", {"published": int}),  # on a slow machine events would wait too long
    Case("AuditFunction", "schedule/audit.json", {"complete": True, "violations": 0}),
    Case("AuditFunction", "http/audit.json", {"statusCode": 200, "body.data.holds": True}),
    Case("ExpireFunction", "schedule/expire.json", {"expired": 1, "quarantined": 0}, ahead=timedelta(minutes=45)),
    Case("DispatchFunction", "schedule/dispatch.json", {"expired": 2, "waiting": 0}, ahead=timedelta(minutes=45)),
    Case("ExpireFunction", "http/release-expired.json", {"statusCode": 200, "body.count": 1}, ahead=timedelta(hours=3)),
    Case("RelayFunction", "schedule/relay.json", {"published": int}, ahead=timedelta(hours=3)),
    Case("BillFunction", "http/usage.json", {"statusCode": 200, "body.data.0.deviceId": str}),
    _beside("BillFunction", "http/usage-csv.json", {"statusCode": 200, "body": str}),
    Case("BillFunction", "sqs/billing.json", {"batchItemFailures": []}),
    Case("ReconcileFunction", "schedule/reconcile.json", {"complete": True, "mismatches": 0}),
    Case("CleanupFunction", "schedule/cleanup.json", {"allocations": 3, "spent": int}, ahead=timedelta(days=32)),
    Case("BatchFunction", "http/batch-allocate.json", {"statusCode": 200, "body.data.successCount": 2}),
    Case("BatchFunction", "http/batch-query.json", {"statusCode": 200, "body.data.successes.0.userId": "user-ana"}),
    Case("BatchFunction", "http/batch-renew.json", {"statusCode": 200, "body.data.failures.1.index": 1}),
    Case("BatchFunction", "http/batch-release.json", {"statusCode": 200, "body.data.failedCount": 2}),
    Case("DeliverFunction", "sqs/usage.json", {"batchItemFailures": []}),
    Case("DeliverFunction", "sqs/usage.json", {"batchItemFailures": []}),
    Case(
        "ReserveFunction",
        "http/reservation-create.json",
        _created({"status": "pending", "userId": "user-ana", "startTime": "2036-03-03T09:00:00Z"}),
        ahead=_DAY_BEFORE,
    ),
    Case(
        "ReserveFunction",
        "http/reservation-create-weekly.json",
        _created({"seriesId": str, "reservations.3.startTime": "2036-03-12T08:00:00Z"}),
    ),
    Case("ReserveFunction", "http/reservations-list.json", {"statusCode": 200, "body.data.4.status": "pending"}),
    _beside("ReserveFunction", "http/reservation-check.json", {"statusCode": 200, "body.data.hasConflict": False}),
    _missing("ReserveFunction", "http/reservation-get.json", "reservation"),
    _missing("ReserveFunction", "http/reservation-update.json", "reservation"),
    _missing("ReserveFunction", "http/reservation-cancel.json", "reservation"),
    _beside("ReserveFunction", "http/reservation-stats.json", {"statusCode": 200, "body.data.totalReservations": 5}),
    Case("RemindFunction", "schedule/remind.json", {"reminded": 1}, ahead=_DAY_BEFORE + timedelta(hours=23.75)),
    Case("FleetFunction", "http/device-delete.json", {"statusCode": 200, "body.data.id": "phone-0003"}),
    Case("PlaceFunction", "http/strategy-get.json", {"statusCode": 200, "body.data.strategy": "resource_based"}),
    Case("PlaceFunction", "http/strategy-choose.json", {"statusCode": 200, "body.data.rescoring.done": True}),
    Case("PlaceFunction", "schedule/place.json", {"strategy": "best_fit", "done": True, "learned": 0}),
    # Nothing may be sent from here: events come before there is a webhook, and the run that sends finds none due.
    Case("HookFunction", "sqs/hook.json", {"batchItemFailures": []}),
    Case(
        "HookFunction",
        "http/webhook-create.json",
        _created({"status": "enabled", "tenantId": "acme", "secret": str, "failuresInRow": 0}),
    ),
    Case("HookFunction", "http/webhooks-list.json", {"statusCode": 200, "body.data.0.description": "phone portal"}),
    _missing("HookFunction", "http/webhook-get.json", "webhook"),
    _missing("HookFunction", "http/webhook-enable.json", "webhook"),
    _missing("HookFunction", "http/webhook-ping.json", "webhook"),
    _missing("HookFunction", "http/webhook-delete.json", "webhook"),
    Case("HookFunction", "schedule/hook.json", {}),
    *(
        Case("ConsumeFunction", f"sqs/{kind}.json", {"batchItemFailures": []}, beside=kind != "device.heartbeat")
        for kind in (
            *("device.heartbeat", "device.recycled"),
            *("device.failed", "device.status_changed", "device.maintenance", "device.deleted"),
            *("user.suspended", "user.activated", "user.quota_updated", "user.deleted"),
            *("billing.payment_failed", "billing.overdue", "billing.payment_success"),
        )
    ),
    Case("NotifyFunction", "sqs/notify.json", {"batchItemFailures": []}),
    Case("NotifyFunction", "sqs/notify.json", {"batchItemFailures": []}),
    Case(
        "NotifyFunction", "http/notifications-list.json", {"statusCode": 200, "body.unread": 1, "body.data.0.id": str}
    ),
    _missing("NotifyFunction", "http/notification-read.json", "notification"),
    _beside("NotifyFunction", "http/notification-preferences.json", {"statusCode": 200, "body.data.language": "en"}),
    Case("NotifyFunction", "http/notification-preferences-set.json", {"statusCode": 200, "body.data.language": "zh"}),
    _beside("ConsoleFunction", "http/openapi.json", {"statusCode": 200, "body.openapi": "3.1.0"}),
    _beside("ConsoleFunction", "http/docs.json", {"statusCode": 200, "body": str}),
    _beside("ConsoleFunction", "http/console.json", {"statusCode": 200, "body": str}),
    _beside("ConsoleFunction", "http/console-asset.json", {"statusCode": 200, "body": str}),
)


def waves(cases: Sequence[Case] = CASES) -> Iterator[Sequence[Case]]:
    """Group what may run at the same time, in the order of the table."""
    wave = list[Case]()
    for case in cases:
        if wave and not case.beside:
            yield wave
            wave = []
        wave.append(case)
    if wave:
        yield wave
