"""A quota document says what a user may have: read strictly, checked in a fixed order."""

from datetime import UTC, datetime

import pytest

from scheduler.domain.model import DeviceWants
from scheduler.domain.plans import BUILT_IN_PLANS, plan_document
from scheduler.domain.quota import LARGEST_LIMIT, QuotaLimits, parse_document

FULL = {
    "status": "active",
    "validUntil": "2026-12-31T23:59:59Z",
    "planName": "pro",
    "limits": {
        "maxDevices": 10,
        "maxConcurrentDevices": 8,
        "maxCpuCoresPerDevice": 8,
        "maxMemoryMBPerDevice": 16384,
        "maxStorageGBPerDevice": 256,
        "totalCpuCores": 40,
        "totalMemoryGB": 80,
        "totalStorageGB": 1024,
    },
    "usage": {"currentDevices": 99, "usedCpuCores": 99, "usedMemoryGB": 99, "usedStorageGB": 99},
}


def document(**changes):
    return parse_document(FULL | changes)


def limits(**limits):
    return parse_document({"status": "active", "limits": limits}).limits


def test_a_whole_document_is_read_with_sizes_in_mb_and_without_its_usage():
    read = document()

    assert (read.status, read.plan_name) == ("active", "pro")
    assert read.valid_until == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert read.limits == QuotaLimits(
        devices=8,
        device_cpu_cores=8,
        device_memory_mb=16384,
        device_storage_mb=256 * 1024,
        cpu_cores=40,
        memory_mb=80 * 1024,
        storage_mb=1024 * 1024,
    )


@pytest.mark.parametrize(
    ("given", "devices"),
    [
        pytest.param({"maxDevices": 10, "maxConcurrentDevices": 3}, 3, id="the smaller of two"),
        pytest.param({"maxDevices": 3, "maxConcurrentDevices": 10}, 3, id="whichever it is"),
        pytest.param({"maxDevices": 10}, 10, id="the only one"),
        pytest.param({"maxConcurrentDevices": 10, "maxDevices": None}, 10, id="null is absent"),
        pytest.param({"maxDevices": -1, "maxConcurrentDevices": 4}, 4, id="-1 is no limit"),
        pytest.param({"maxDevices": -1}, None, id="-1 alone is no limit"),
        pytest.param({}, None, id="absent is no limit"),
        pytest.param({"maxDevices": 0}, 0, id="0 is a limit"),
        pytest.param({"maxDevices": 2.9}, 2, id="part of a device is none"),
        pytest.param({"maxDevices": 10**30}, None, id="more than a column holds is no limit"),
        pytest.param({"maxDevices": float("inf")}, None, id="infinity is no limit"),
    ],
)
def test_the_device_limit(given, devices):
    assert limits(**given).devices == devices


def test_a_limit_in_gb_is_kept_to_the_megabyte():
    assert limits(totalMemoryGB=1.5).memory_mb == 1536


NO_DOCUMENT = "a quota document has a known status and limits"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        pytest.param({"limits": None}, NO_DOCUMENT, id="no limits"),
        pytest.param({"limits": []}, NO_DOCUMENT, id="limits that are a list"),
        pytest.param({"status": None}, NO_DOCUMENT, id="no status"),
        pytest.param({"status": "fine"}, NO_DOCUMENT, id="an unknown status"),
        pytest.param({"limits": {"maxDevices": "10"}}, "maxDevices is not a number", id="a limit that is a text"),
        pytest.param({"limits": {"maxDevices": True}}, "maxDevices is not a number", id="a limit that is a truth"),
        pytest.param(
            {"limits": {"maxDevices": float("nan")}}, "maxDevices is not a number", id="a limit that is no number"
        ),
        pytest.param({"limits": {"maxDevices": -2}}, "maxDevices is negative", id="a limit below none"),
        pytest.param(
            {"limits": {"totalMemoryGB": -0.5}}, "totalMemoryGB is negative", id="a limit a little below none"
        ),
        pytest.param({"validUntil": "soon"}, "Invalid isoformat string: 'soon'", id="a time that is none"),
        pytest.param({"validUntil": 1772446500}, "validUntil is not a time", id="a time that is a number"),
    ],
)
def test_a_broken_document_is_refused(broken, told):
    with pytest.raises(ValueError, match=f"^{told}$"):
        document(**broken)


@pytest.mark.parametrize(
    ("gigabytes", "megabytes"),
    [
        pytest.param(1_953_125, LARGEST_LIMIT, id="as much as a column holds"),
        pytest.param(1_953_126, None, id="a gigabyte more"),
    ],
)
def test_a_limit_in_gb_counts_as_long_as_its_megabytes_fit(gigabytes, megabytes):
    assert limits(totalStorageGB=gigabytes).storage_mb == megabytes


def test_a_document_may_leave_its_plan_unnamed():
    assert document(planName=None).plan_name == ""


def test_a_time_without_a_zone_is_utc():
    assert document(validUntil="2026-12-31T23:59:59").valid_until == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "refusal"),
    [("active", None), ("exceeded", None), ("suspended", "Quota suspended"), ("expired", "Quota expired")],
)
def test_suspended_and_expired_refuse_but_exceeded_alone_does_not(status, refusal):
    assert document(status=status).terms_for(DeviceWants()).refusal == refusal


@pytest.mark.parametrize(("plan", "may"), [("free", True), ("pro", True), ("enterprise", False)])
def test_who_pays_for_enterprise_is_no_subject_of_exploring(plan, may):
    assert document(planName=plan).terms_for(DeviceWants()).may_explore is may


@pytest.mark.parametrize(
    ("wants", "refusal"),
    [
        pytest.param(DeviceWants(min_cpu=8), None, id="as much as a device may have"),
        pytest.param(
            DeviceWants(min_cpu=9), "CPU cores per device exceed the quota. Max: 8, Asked: 9", id="a core more"
        ),
        pytest.param(
            DeviceWants(min_memory_mb=16385),
            "Memory MB per device exceed the quota. Max: 16384, Asked: 16385",
            id="a megabyte of memory more",
        ),
        pytest.param(
            DeviceWants(min_storage_mb=262145),
            "Storage MB per device exceed the quota. Max: 262144, Asked: 262145",
            id="a megabyte of storage more",
        ),
        pytest.param(
            DeviceWants(min_cpu=9, min_memory_mb=16385),
            "CPU cores per device exceed the quota. Max: 8, Asked: 9",
            id="the first of several",
        ),
    ],
)
def test_what_is_asked_of_one_device_is_checked_before_any_is_looked_for(wants, refusal):
    assert document().terms_for(wants).refusal == refusal


def test_a_suspended_user_is_told_that_first():
    assert document(status="suspended").terms_for(DeviceWants(min_cpu=99)).refusal == "Quota suspended"


def test_terms_carry_what_only_the_database_can_check():
    terms = document().terms_for(DeviceWants())

    assert (terms.limits.devices, terms.valid_until) == (8, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))


@pytest.mark.parametrize(("plan", "devices"), [("free", 1), ("basic", 5), ("pro", 10), ("enterprise", 100)])
def test_the_built_in_plans(plan, devices):
    read = plan_document(plan)

    assert (read.status, read.plan_name, read.limits) == ("active", plan, QuotaLimits(devices=devices))


def test_there_are_no_other_built_in_plans():
    assert set(BUILT_IN_PLANS) == {"free", "basic", "pro", "enterprise"}
