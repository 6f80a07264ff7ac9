"""What the machine draws from: few users, few kinds of devices, small limits, so that wishes meet."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from scheduler.domain.model import DeviceWants, User
from scheduler.domain.quota import QuotaLimits

TINY = timedelta(microseconds=1)

numbers = st.integers(0, 29)
users = st.sampled_from([User("acme", "alice"), User("acme", "bob"), User("globex", "alice")])
tenants = st.sampled_from([None, "acme", "globex"])
pools = st.sampled_from([None, None, "acme", "globex"])
kinds = st.sampled_from(["android-14", "android-14", "android-15"])
sizes = st.sampled_from([(2, 2048, 32768), (4, 4096, 65536), (8, 4096, 131072)])
keys = st.sampled_from([None, None, "k-1", "k-2"])
renewals = st.sampled_from([1, 5, 30, 31])
callers = st.sampled_from(["holder", "holder", "service", "operator", "another user", "another tenant"])
minutes = st.sampled_from([1, 5, 30, 60])
wants = st.builds(
    DeviceWants,
    st.sampled_from([None, None, "android-15"]),
    st.sampled_from([None, None, 2, 4, 8]),
    st.sampled_from([None, None, 4096]),
    st.sampled_from([None, None, 65536]),
)
limits = st.builds(
    QuotaLimits,
    devices=st.sampled_from([None, 0, 1, 2, 3]),
    device_cpu_cores=st.sampled_from([None, None, 4]),
    cpu_cores=st.sampled_from([None, None, 6, 8]),
    memory_mb=st.sampled_from([None, None, 8192]),
    storage_mb=st.sampled_from([None, None, 131072]),
)
long_spans = st.sampled_from(
    [timedelta(hours=24) - TINY, timedelta(hours=24), timedelta(days=8), timedelta(days=22), timedelta(days=31)]
)
short_spans = st.sampled_from([timedelta(seconds=1), timedelta(seconds=90), timedelta(minutes=5)])


def resized(size: tuple[int, int, int]) -> dict[str, Any]:
    """Give the columns that another size changes."""
    return dict(zip(("cpu_cores", "memory_mb", "storage_mb"), size, strict=True))


changes = st.one_of(
    st.fixed_dictionaries({"status": st.sampled_from(["running", "running", "stopped", "error", "maintenance"])}),
    st.fixed_dictionaries({"tenant_id": pools}),
    sizes.map(resized),
)


def device(number: int, size: tuple[int, int, int], kind: str, pool: str | None) -> dict[str, Any]:
    """Give the columns of a new device."""
    cpu_cores, memory_mb, storage_mb = size
    return {
        "id": f"phone-{number}",
        "name": f"Phone {number}",
        "device_type": kind,
        "status": "running",
        "tenant_id": pool,
        "cpu_cores": cpu_cores,
        "memory_mb": memory_mb,
        "storage_mb": storage_mb,
        "adb_host": "10.0.0.7",
        "adb_port": 5555 + number,
    }
