"""What a newcomer does with the installed package, and what operators do."""

import re

import pytest

from tests.client.conftest import NOWHERE, PACKAGE, World
from tests.client.test_run import wait_until
from tests.support.blocks import blocks

HEAD = "id,name,deviceType,cpuCores,memoryMB,storageMB,adbHost,adbPort\n"
TEST = """
import pytest

@pytest.mark.cloudphone(minutes=2, min_cpu=4)
def test_the_phone_is_mine(cloudphone_device, cloudphone_client):
    (mine,) = cloudphone_client.allocations(status="allocated")
    assert (mine.device_id, cloudphone_device.ended) == (cloudphone_device.device_id, None)
"""
TWIN = """
import asyncio, os
from cloudphone import AsyncClient

async def main():
    async with AsyncClient(os.environ["CLOUDPHONE_API_URL"], os.environ["CLOUDPHONE_TOKEN"]) as client:
        async with client.allocate(minutes=2) as phone:
            print([one.device_id async for one in client.allocations(status="allocated")] == [phone.device_id])

asyncio.run(main())
"""
SERVICE = """
import os
from datetime import datetime, timedelta, timezone
from cloudphone import Client

with Client(os.environ["CLOUDPHONE_API_URL"], os.environ["CLOUDPHONE_TOKEN"]) as client:
    done = client.allocate_batch([{"user_id": "many-1", "minutes": 5}, {"user_id": "many-2", "min_cpu": 1000}])
    ids = [one.allocation_id for one in done.successes]
    print([one.code for one in done.failures], done.success_count)
    print([one.user_id for one in client.query_batch(["many-1", "many-2"]).successes if one.allocations])
    print(client.renew_batch(ids, 15).successes[0].additional_minutes, client.release_batch(ids).success_count)
    start = datetime.now(timezone.utc) + timedelta(hours=5)
    series = client.reserve_series(start, 30, "daily", count=2, user_id="many-1", time_zone="Asia/Tokyo")
    later, = {two.start_time - one.start_time for one, two in [series.reservations]}
    print(later, {one.series_id for one in series.reservations} == {series.series_id})
    webhook = client.add_webhook(os.environ["HOOK"], ["device.allocated"], description="for a test")
    print(webhook.secret[:6], [one.url == webhook.url for one in client.webhooks()])
    print(client.webhook(webhook.id).description, len(client.ping_webhook(webhook.id).event_id))
    print(client.enable_webhook(webhook.id).status, client.remove_webhook(webhook.id), list(client.webhooks()))
"""
ADB = """#!/bin/sh
echo "$@" >> "$HOME/adb.log"
case "$*" in *getprop*) echo Pixel;; *) echo "$1 $2";; esac
"""


def code(heading: str, language: str) -> str:
    """Give the block of a language under a heading of the README."""
    found = (block for block in blocks() if (block.page, block.heading) == ("README.md", heading) and block.fenced)
    (only,) = (block.code for block in found if block.language == language)
    return only


def test_nothing_of_the_scheduler_comes_along(world: World) -> None:
    code = "import cloudphone, importlib.util; print(importlib.util.find_spec('scheduler'), cloudphone.__file__)"

    found = world.person("alice").run("python", "-c", code)
    assert found.startswith("None ")
    assert str(world.bin.parent) in found


def test_what_the_readme_says_of_the_first_phone_works(world: World) -> None:
    """All but the installation, which has been done."""
    heading = "By command line and by Python"
    shell, python = code(heading, "sh"), code(heading, "python")
    env_file = world.layout.environment
    lines = [line.replace(".local/env", str(env_file)) for line in shell.splitlines() if "pip install" not in line]
    newcomer = world.person("nobody", "set by nobody")
    newcomer = type(newcomer)(newcomer.bin, {k: v for k, v in newcomer.environment.items() if "CLOUDPHONE" not in k})
    script = "\n".join(["set -e", f". {env_file}", *lines, "python - <<'END'", python, "END"])

    told = newcomer.run("sh", "-c", script)

    assert "Signed in at" in told
    assert "adb connect 127.0.0.1:" in told
    assert "given back after" in told
    assert re.search(r"^phone-\S+ 127.0.0.1:\d+$", told, re.MULTILINE)
    assert world.region["USER_TOKEN"] not in told
    assert world.held("alice") == []


def test_every_list_can_be_read(world: World) -> None:
    person, service = world.person("reader"), world.person("shop", world.region["SERVICE_TOKEN"])
    device = person.json("allocate", "--minutes", "2")["deviceId"]

    assert [one["deviceId"] for one in person.json("ls")] == [device]
    assert {"tenantId": "acme", "userId": "reader", "devices": [device]} in service.json("who")
    assert device not in {one["id"] for one in person.json("devices")}
    assert device in {one["id"] for one in world.operator.json("devices", "--all")}
    assert person.json("renew")["additionalMinutes"] == 120
    assert device in person.run("cloudphone", "watch", "--times", "1")
    assert [one["deviceId"] for one in person.json("release")] == [device]
    reserved = person.json("reserve", "+90", "--minutes", "30")
    assert [one["reservationId"] for one in person.json("reservations")] == [reserved["reservationId"]]
    assert person.json("reservations", "--cancel", reserved["reservationId"])["status"] == "cancelled"
    wait_until(lambda: "reader" in {line["userId"] for line in service.json("usage")})
    assert world.operator.json("audit")["holds"]
    assert {one["waiting"] for one in world.operator.json("dlq", "ls")} == {0}
    assert world.operator.json("dlq", "redrive", "Usage")["moved"] == 0
    person.run("cloudphone", "audit", code=4)


def test_a_fleet_is_imported_and_waited_for(world: World) -> None:
    file = world.scratch / "devices.csv"
    file.write_text(HEAD + "lab-1,Lab 1,lab,4,4096,65536,10.9.0.1,5555\nlab-2,Lab 2,lab,4,4096,65536,10.9.0.1,0\n")

    assert [row["outcome"] for row in world.operator.json("fleet", "import", str(file), "--dry-run", code=8)] == [
        "new",
        "wrong",
    ]
    assert [row["outcome"] for row in world.operator.json("fleet", "import", str(file), code=8)] == ["added", "wrong"]
    assert [row["outcome"] for row in world.operator.json("fleet", "import", str(file), code=8)] == ["present", "wrong"]
    assert "lab-1" in {
        one["entityId"] for one in world.operator.json("audit-log", "--entity", "device", "--id", "lab-1")
    }

    first, second = world.person("first-in-lab"), world.person("second-in-lab")
    assert first.json("allocate", "--type", "lab")["deviceId"] == "lab-1"
    assert second.run("cloudphone", "allocate", "--type", "lab", code=7) == ""
    waiting = second.start("cloudphone", "allocate", "--type", "lab", "--wait", "--json")
    (entry,) = wait_until(lambda: second.json("queue"))
    assert entry["position"] == 1
    first.run("cloudphone", "release")
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, '"deviceId": "lab-1"' in out) == (0, True), err
    second.run("cloudphone", "release")


def test_the_fixture_gives_a_test_a_phone(world: World) -> None:
    file = world.scratch / "test_phone.py"
    file.write_text(TEST)
    person = world.person("tester")

    told = person.run("pytest", "-q", "-W", "error", "--strict-markers", str(file), cwd=world.scratch)

    assert "1 passed" in told
    assert world.held("tester") == []
    without = type(person)(person.bin, {**person.environment, "CLOUDPHONE_TOKEN": ""})
    del without.environment["CLOUDPHONE_TOKEN"]  # type: ignore[attr-defined]
    assert "1 skipped" in without.run("pytest", "-q", str(file), cwd=world.scratch)


def test_the_twin_has_a_phone(world: World) -> None:
    assert world.person("twin").run("python", "-c", TWIN) == "True\n"
    assert world.held("twin") == []


def test_a_service_works_with_many_reserves_series_and_hears_events(world: World) -> None:
    service = world.person("shop", world.region["SERVICE_TOKEN"])
    shell = type(service)(service.bin, {**service.environment, "HOOK": f"http://{NOWHERE}/"})

    assert shell.run("python", "-c", SERVICE).splitlines() == [
        "['no_available_devices'] 1",
        "['many-1']",
        "15 1",
        "1 day, 0:00:00 True",
        "whsec_ [True]",
        "for a test 36",
        "enabled None []",
    ]


def test_the_example_drives_adb(world: World) -> None:
    tools = world.scratch / "tools"
    tools.mkdir()
    (tools / "adb").write_text(ADB)
    (tools / "adb").chmod(0o755)
    person = world.person("driver")
    shell = type(person)(person.bin, {**person.environment, "PATH": f"{tools}:{person.environment['PATH']}"})

    told = shell.run("python", str(PACKAGE / "examples" / "adb_connect.py"))

    assert told.splitlines()[-2:] == ["Pixel", "given back"]
    connect, ask, disconnect = (world.scratch / "adb.log").read_text().splitlines()
    address = connect.removeprefix("connect ")
    assert (ask, disconnect) == (f"-s {address} shell getprop ro.product.model", f"disconnect {address}")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_be_taught_the_commands(world: World, shell: str) -> None:
    person = world.person("typist")
    taught = type(person)(person.bin, {**person.environment, "_CLOUDPHONE_COMPLETE": f"source_{shell}"})

    assert "cloudphone" in taught.run("cloudphone")
