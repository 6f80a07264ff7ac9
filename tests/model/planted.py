"""Bugs as somebody could write them into a routine: the machine has to catch each."""

from dataclasses import dataclass
from pathlib import Path

import scheduler.adapters.postgres
from scheduler.adapters.postgres.connection import Database

ROUTINES = Path(scheduler.adapters.postgres.__file__).parent / "routines"


@dataclass(frozen=True)
class Bug:
    """A routine in which one text stands for another."""

    routine: str
    right: str
    wrong: str

    def plant(self, database: Database) -> None:
        """Replace the routine of one database."""
        source = (ROUTINES / f"{self.routine}.sql").read_text()
        assert source.count(self.right) == 1, f"{self.routine} no longer says: {self.right}"
        broken = source.replace(self.right, self.wrong)
        database.call(broken.replace("%", "%%"), {})


BUGS = {
    "quota is not given back": [Bug("end_allocation", "devices = greatest(devices - 1, 0)", "devices = devices")],
    "quota is given back by the device's size of now": [
        Bug(
            "end_allocation",
            "cpu_cores = greatest(cpu_cores - ended.cpu_cores, 0)",
            "cpu_cores = greatest(cpu_cores - (SELECT d.cpu_cores FROM devices d WHERE d.id = ended.device_id), 0)",
        ),
        Bug(
            "end_together",
            "sum(cpu_cores)::int AS cpu_cores",
            "sum((SELECT d.cpu_cores FROM devices d WHERE d.id = e.device_id))::int AS cpu_cores",
        ),
    ],
    "the fence does not increase": [Bug("lend_device", "fence = device.fence + 1,", "fence = device.fence,")],
    "what is not due expires": [
        Bug(
            "expire_due",
            "WHERE a.status = 'allocated' AND a.expires_at <= scheduler_now()",
            "WHERE a.status = 'allocated'",
        ),
        Bug("end_together", " AND (p_as <> 'expired' OR expires_at <= p_at)", ""),
    ],
    "what is due this instant does not expire": [Bug("end_together", "OR expires_at <= p_at", "OR expires_at < p_at")],
    "a release does not look at the fence": [Bug("release_device", "target.fencing_token <> p_fence", "false")],
    "a release is open to every tenant": [
        Bug("releasable", "found_row.tenant_id = coalesce(p_tenant, found_row.tenant_id)", "true")
    ],
    "a late release is told as one in time": [
        Bug("end_allocation", "CASE WHEN expires_at <= p_at THEN 'expired' ELSE p_as END", "p_as")
    ],
    "a renewal does not wait for the cooldown": [Bug("renewal_verdict", "WHEN cooled_at > p_at ", "WHEN false ")],
    "the device's row does not follow a renewal": [
        Bug(
            "renew_locked",
            "UPDATE devices SET busy_until = renewed.expires_at",
            "UPDATE devices SET busy_until = busy_until",
        )
    ],
    "a key is answered whatever the body": [Bug("open_request", "kept.body_hash <> p_key.body_hash", "false")],
    "a key is kept for good": [Bug("open_request", "interval '24 hours'", "interval '1000 years'")],
    "overdue allocations are not reaped": [
        Bug("reap_overdue", "RETURN QUERY SELECT * FROM end_allocations(due, 'expired')", "RETURN")
    ],
    "one device more than the quota": [
        Bug("limits_refusal", "held.devices >= terms.devices", "held.devices > terms.devices")
    ],
    "a dedicated device is lent to another tenant": [Bug("fitting_classes", "c.pool IN ('', p_tenant)", "true")],
    "a smaller device than wanted is lent": [
        Bug("fitting_classes", "c.cpu_cores >= coalesce(p_wants.min_cpu, 0)", "true")
    ],
    "a changed device keeps its old class": [
        Bug("change_device", "class_id = device_class(", "class_id = d.class_id + 0 * device_class(")
    ],
    "an end without its event": [
        Bug("end_allocation", "FROM end_event(ended) told", "FROM end_event(ended) told WHERE false")
    ],
    "retention counts from the grant": [Bug("delete_ended", "AND released_at <", "AND allocated_at <")],
}
