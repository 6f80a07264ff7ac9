"""Traces: both forms, and what is said of a wrong line."""

from pathlib import Path

import pytest

from scheduler.domain.model import DeviceWants, User
from tools.simulate.trace import TraceError, read

PODS = "name,cpu_milli,memory_mib,num_gpu,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"


def trace(folder: Path, text: str) -> Path:
    path = folder / "trace.csv"
    path.write_text(text)
    return path


def test_our_own_form_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    path = trace(
        tmp_path,
        "at_seconds,use_seconds,minutes,tenant,user,plan,min_cpu,min_memory_mb,max_wait_minutes\n"
        "100.5,90,30,globex,bob,basic,8,,15\n"
        "40,3601,,,,,,4096,\n",
    )

    first, second = read(path, 1)

    assert (first.at, first.minutes, first.use_seconds, first.plan) == (0, 61, 3601, "pro")
    assert first.wants == DeviceWants(min_memory_mb=4096)
    assert (second.at, second.user, second.plan) == (60.5, User("globex", "bob"), "basic")
    assert (second.minutes, second.wants.min_cpu, second.max_wait_minutes) == (30, 8, 15)


def test_what_is_booked_ahead_is_wanted_later(tmp_path: Path) -> None:
    now, later = read(trace(tmp_path, "at_seconds,use_seconds,ahead_minutes\n10,900,\n70,900,90\n"), 1)

    assert (now.ahead, now.wanted_at) == (None, 0)
    assert (later.at, later.wanted_at, later.minutes) == (60, 60 + 90 * 60, 15)


def test_what_lasts_longer_than_may_be_asked_is_played_as_long(tmp_path: Path) -> None:
    (only,) = read(trace(tmp_path, "at_seconds,use_seconds\n0,9999999\n"), 1)

    assert only.minutes == 1440


def test_pods_become_requests_for_phones(tmp_path: Path) -> None:
    path = trace(
        tmp_path,
        PODS
        + "a,12000,16384,1,LS,Running,100,700,160\n"
        + "b,500,1024,0,BE,Pending,130,9000,\n"
        + "c,128000,737280,8,Guaranteed,Failed,190,191,190\n",
    )

    held, never_ran, huge = read(path, 1)

    assert (held.at, held.use_seconds, held.minutes, held.plan) == (0, 540, 9, "pro")
    assert held.wants == DeviceWants(min_cpu=3, min_memory_mb=2048)
    assert (never_ran.at, never_ran.use_seconds, never_ran.plan) == (30, 270.5, "free")
    assert (huge.wants, huge.minutes) == (DeviceWants(min_cpu=16, min_memory_mb=32768), 1)


def test_what_a_trace_does_not_tell_follows_from_the_seed(tmp_path: Path) -> None:
    path = trace(tmp_path, "at_seconds,use_seconds\n" + "".join(f"{at},60\n" for at in range(30)))

    assert read(path, 1) == read(path, 1) != read(path, 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "has no rows", id="empty"),
        pytest.param("at_seconds,use_seconds\n", "has no rows", id="only a head"),
        pytest.param("when,what\n1,2\n", "line 1: needs the columns at_seconds, use_seconds", id="other columns"),
        pytest.param("at_seconds,use_seconds,colour\n1,2,red\n", "line 1: unknown columns colour", id="unknown column"),
        pytest.param("at_seconds,use_seconds\n1,2\nx,2\n", "line 3: at_seconds is 'x', not a number", id="no number"),
        pytest.param("at_seconds,use_seconds\n1\n", "line 2: use_seconds is None, not a number", id="short line"),
        pytest.param("at_seconds,use_seconds\n-1,2\n", "line 2: at_seconds is -1; the least is 0", id="negative"),
        pytest.param("at_seconds,use_seconds\nnan,2\n", "line 2: at_seconds is nan", id="not a number"),
        pytest.param("at_seconds,use_seconds,plan\n1,2,gold\n", "line 2: plan is 'gold'; there are free", id="plan"),
        pytest.param(
            "at_seconds,use_seconds,ahead_minutes\n1,60,90\n", "line 2: minutes is 1; what is booked", id="short window"
        ),
        pytest.param(PODS + "a,x,1,0,LS,Running,1,3,2\n", "line 2: cpu_milli is 'x', not a number", id="pod"),
        pytest.param(PODS + "a,1,1,0,LS,Running,1,,2\n", "deletion_time is '', not a number", id="no end"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TraceError, match=told):
        read(trace(tmp_path, text), 1)


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\xff\xfe\x00at")

    with pytest.raises(TraceError, match="cannot be read"):
        read(path, 1)
