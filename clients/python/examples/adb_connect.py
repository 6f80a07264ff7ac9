"""Allocate a phone, connect adb to it, say what it is, give it back.

python adb_connect.py            # needs adb on PATH, CLOUDPHONE_API_URL and CLOUDPHONE_TOKEN
"""

import os
import subprocess

from cloudphone import Client, Waiter


def adb(*arguments: str) -> str:
    """Run adb, and give what it prints."""
    done = subprocess.run(["adb", *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def tell(waiter: Waiter) -> None:
    """Say how long it will take."""
    estimate = waiter.estimated_wait_seconds
    print(f"place {waiter.position}, {f'probably within {estimate.p90} s' if estimate else 'no estimate'}")


with (
    Client(os.environ["CLOUDPHONE_API_URL"], os.environ["CLOUDPHONE_TOKEN"]) as client,
    client.allocate(minutes=10, wait=True, on_wait=tell) as phone,
):
    print(f"{phone.device_id} until {phone.expires_at:%H:%M} UTC, and renewed as long as this runs")
    print(adb("connect", phone.adb))
    try:
        print(adb("-s", phone.adb, "shell", "getprop", "ro.product.model"))
    finally:
        adb("disconnect", phone.adb)
print("given back")
