"""`cloudphone fleet import`: each row has its own outcome, and a second run adds nothing twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faked_scheduler import START, Scheduler, data, iso, page, refused

Cli = Callable[..., Any]
HEAD = "id,name,deviceType,cpuCores,memoryMB,storageMB,adbHost,adbPort,labels\n"


def line(name: str, cores: object = 4, port: object = 5555, labels: str = "") -> str:
    return f'{name},Phone {name},android-14,{cores},4096,65536,10.0.0.7,{port},"{labels}"\n'


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(*lines: str, head: str = HEAD) -> str:
        path = tmp_path / "devices.csv"
        path.write_text(head + "".join(lines))
        return str(path)

    return write


@pytest.fixture
def fleet(scheduler: Scheduler) -> dict[str, Any]:
    """A fleet that takes all or none of a request; what is called bad it refuses."""
    there: dict[str, Any] = {}
    absent = ("lifeReason", "lifeChangedAt", "recyclingSince", "heartbeat", "activeAllocationId", "busyUntil")
    absent += ("lastAllocatedAt", "nextReservation", "tenantId", "host", "model")
    told = {"status": "running", "life": "in_service", "failuresInRow": 0, "healthScore": 100, "createdAt": iso(START)}

    def add(body: Any) -> Any:
        new = {device["id"]: {**dict.fromkeys(absent), **told, "labels": {}, **device} for device in body["devices"]}
        if any("bad" in name for name in new):
            return refused("validation_failed", 422, errors=[{"field": "name", "message": "is bad"}])
        if new.keys() & there.keys():
            return refused("device_exists", 409)
        there.update(new)
        return data({"ids": list(new)}, 201)

    scheduler.more |= {"POST /devices": add, "GET /devices": lambda _: page(list(there.values()))}
    return there


def test_good_rows_are_added_and_bad_ones_are_told(cli: Cli, fleet: dict[str, Any], file: Callable[..., str]) -> None:
    path = file(
        line("a", labels='{""rack"": 7}'),
        line("b", cores="many"),
        line("bad-name"),
        line("c", port=99999),
        line("a"),
        line(""),
        line("d", labels="{"),
        line("e"),
    )

    dry = cli("fleet", "import", "--dry-run", path)
    assert (dry.code, fleet) == (8, {})
    assert "3 new, 5 wrong" in dry.out

    done = cli("fleet", "import", path, "--json")
    outcomes = {row["line"]: (row["outcome"], row["detail"]) for row in json.loads(done.out)}
    assert done.code == 8
    assert {number: outcome for number, (outcome, _) in outcomes.items()} == {
        **{2: "added", 3: "wrong", 4: "wrong", 5: "wrong", 6: "wrong", 7: "wrong", 8: "wrong", 9: "added"}
    }
    assert outcomes[3][1] == "Expected `int`, got `str` - at `$.cpuCores`"
    assert outcomes[4][1] == "name is bad"
    assert "twice" in outcomes[6][1]
    assert set(fleet) == {"a", "e"}
    assert fleet["a"]["labels"] == {"rack": 7}


def test_a_second_run_adds_nothing(cli: Cli, fleet: dict[str, Any], file: Callable[..., str]) -> None:
    path = file(*(line(f"p-{n}") for n in range(120)))

    assert cli("fleet", "import", path).out == "120 added\n"
    again = cli("fleet", "import", path)
    assert (again.code, again.out, len(fleet)) == (0, "120 present\n", 120)


def test_a_request_stays_under_what_the_scheduler_takes(
    cli: Cli, scheduler: Scheduler, fleet: dict[str, Any], file: Callable[..., str]
) -> None:
    cli("fleet", "import", file(*(line(f"p-{n}", labels='{""note"": ""' + "x" * 900 + '""}') for n in range(40))))

    sizes = [len(request.content) for request in scheduler.sent("POST", "/devices")]
    assert len(fleet) == 40
    assert len(sizes) > 2
    assert max(sizes) < 16_000


def test_a_file_with_a_foreign_head_adds_nothing(cli: Cli, fleet: dict[str, Any], file: Callable[..., str]) -> None:
    done = cli("fleet", "import", file("a,b\n", head="id,colour\n"))

    assert (done.code, fleet) == (8, {})
