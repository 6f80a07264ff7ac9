"""`make adopt`: another system's fleet and lending become this scheduler's."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.another_system import THEIRS
from tests.support.api import Api
from tests.support.ledger import audited
from tools.adopt.__main__ import main
from tools.adopt.rows import judged
from tools.embedded.postgres import PostgresServer

PAST, ACTIVE, PHONES = 2500, 5, 20

type Adopt = Callable[..., int]


@pytest.fixture
def source_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of the other system's database."""
    name = f"theirs_{uuid.uuid4().hex}"
    url = postgres_server.create_database(name, "template0")
    change(url, THEIRS)
    yield url
    postgres_server.drop_database(name)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Where the report goes."""
    return tmp_path / "report.json"


@pytest.fixture
def adopt(source_url: str, database_url: str, report: Path) -> Adopt:
    """`make adopt` with both databases, and more arguments."""
    both = ["--source", source_url, "--database", database_url, "--report", str(report)]
    devices = ["--devices-table", "phones", "--column", "storage_mb=disk_mb"]
    return lambda *more: main([*both, *devices, *more])


def change(url: str, statements: str) -> None:
    """Run statements, as the other system does."""
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statements)
    connection.close()


def counts(report: Path) -> dict[str, Mapping[str, int]]:
    """Read what came of devices, history and active rows."""
    told = json.loads(report.read_text())
    return {kind: told[kind] for kind in ("devices", "history", "active")}


def outcome(added: int = 0, present: int = 0, refused: int = 0) -> dict[str, int]:
    """Give the counts of one kind."""
    return {"added": added, "present": present, "refused": refused}


def rows_here(database: Database) -> tuple[int, int]:
    """Count devices and allocations here."""
    asked = "SELECT (SELECT count(*) FROM devices) AS devices, (SELECT count(*) FROM device_allocations) AS lent"
    found = database.rows(asked, {})[0]
    return found["devices"], found["lent"]


def test_all_of_it_comes_and_the_books_agree(adopt: Adopt, report: Path, database: Database, api: Api) -> None:
    assert adopt() == 0

    assert counts(report) == {
        "devices": outcome(added=PHONES),
        "history": outcome(added=PAST),
        "active": outcome(added=ACTIVE),
    }
    assert json.loads(report.read_text())["durationsComputed"] == PAST / 2
    assert audited(database) == {}
    assert totals(database) == [PAST + ACTIVE, ACTIVE]
    lent = api.allocate(userId="newcomer").data["deviceId"]
    assert lent not in {f"phone-{n}" for n in range(1, ACTIVE + 1)}


def totals(database: Database) -> list[int]:
    """Give what was ever granted, and what of it is active, by the counters."""
    counted = "SELECT sum(granted)::int AS ever, sum(granted - released - expired - revoked)::int AS now"
    return list(database.rows(f"{counted} FROM allocation_counters", {})[0].values())


def test_a_rehearsal_writes_nothing_and_says_the_same(adopt: Adopt, report: Path, database: Database) -> None:
    assert adopt("--dry-run") == 0
    rehearsed = counts(report)
    assert rows_here(database) == (0, 0)

    adopt()

    assert counts(report) == rehearsed


def test_run_again_it_finds_all_there(adopt: Adopt, report: Path, database: Database) -> None:
    adopt()
    before = rows_here(database)

    assert adopt() == 0

    assert counts(report)["history"] == outcome(present=PAST)
    assert counts(report)["active"] == outcome(present=ACTIVE)
    assert rows_here(database) == before
    assert totals(database) == [PAST + ACTIVE, ACTIVE]


def test_one_that_broke_off_goes_on(
    adopt: Adopt, report: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.adopt.taking.judged", interrupted_after(1700))
    assert adopt() == 130
    assert 0 < rows_here(database)[1] < PAST
    monkeypatch.undo()

    assert adopt() == 0

    assert rows_here(database) == (PHONES, PAST + ACTIVE)
    assert counts(report)["history"]["added"] < PAST
    assert audited(database) == {}


def interrupted_after(rows: int) -> Callable[[Mapping[str, Any]], Any]:
    """Give a judge who is interrupted after so many rows."""
    seen = iter(range(rows))

    def judge(row: Mapping[str, Any]) -> Any:
        if next(seen, None) is None:
            raise KeyboardInterrupt
        return judged(row)

    return judge


def test_the_past_comes_while_the_other_system_still_lends(
    adopt: Adopt, report: Path, source_url: str, database: Database
) -> None:
    assert adopt("--ended-only") == 0
    assert rows_here(database) == (PHONES, PAST)
    change(
        source_url,
        "UPDATE device_allocations SET status = 'released', released_at = expires_at WHERE device_id = 'phone-1'",
    )

    assert adopt() == 0

    assert counts(report)["active"] == outcome(added=ACTIVE - 1)
    assert counts(report)["history"] == outcome(added=1, present=PAST)
    assert audited(database) == {}


@pytest.mark.parametrize("rehearsal", [[], ["--dry-run"]], ids=["real", "rehearsal"])
def test_what_cannot_come_stays_out_by_name(
    adopt: Adopt, report: Path, source_url: str, rehearsal: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    change(
        source_url,
        """
        INSERT INTO phones VALUES ('phone 21', 'android-14', 0, 8192, 65536, '10.0.0.21', 5555);
        INSERT INTO device_allocations (device_id, user_id, status, allocated_at, duration_minutes) VALUES
            ('phone-1', 'mallory', 'allocated', now(), 60), ('phone-99', 'mallory', 'allocated', now(), 60),
            ('phone-2', 'mallory', 'released', now(), 60)""",
    )

    assert adopt(*rehearsal) == 1

    told = json.loads(report.read_text())
    assert {(each["kind"], each["why"]) for each in told["refusals"] if each["kind"] != "devices"} == {
        ("active", "its device is lent to somebody already"),
        ("active", "its device is not in the fleet"),
        ("history", "it ended, but released_at is empty"),
    }
    assert [each["id"] for each in told["refusals"] if each["kind"] == "devices"] == ["phone 21"]
    assert "1 x active: its device is not in the fleet" in capsys.readouterr().out


def test_devices_may_come_from_a_file(
    source_url: str, database_url: str, report: Path, tmp_path: Path, database: Database
) -> None:
    file = tmp_path / "devices.csv"
    head = "id,name,deviceType,cpuCores,memoryMB,storageMB,adbHost,adbPort\n"
    phones = [f"phone-{n},Phone {n},android-14,4,8192,65536,10.0.0.{n},5555\n" for n in range(1, PHONES + 1)]
    file.write_text("".join([head, *phones, phones[0]]), encoding="utf-8")

    code = main(
        ["--source", source_url, "--database", database_url, "--report", str(report), "--devices-csv", str(file)]
    )

    assert code == 1
    assert counts(report)["devices"] == outcome(added=PHONES, refused=1)
    assert rows_here(database) == (PHONES, PAST + ACTIVE)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--source", ""], "say which databases", id="no source"),
        pytest.param(["--source", "postgresql://127.0.0.1:1/x"], "the source does not answer", id="source is away"),
        pytest.param(["--table", "leases"], "there is no table leases", id="no such table"),
        pytest.param(["--table", "phones"], "phones has no column device_id, user_id, status", id="not such a table"),
        pytest.param(["--column", "colour=farbe"], "OURS is one of", id="no such column"),
        pytest.param(
            ["--database", "postgresql://127.0.0.1:1/x"], "does not answer; run it again", id="target is away"
        ),
        pytest.param(["--database", "127.0.0.1"], "DATABASE_URL cannot be used", id="not a URL"),
    ],
)
def test_what_it_cannot_do_it_says(
    adopt: Adopt, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert adopt(*arguments) == 2

    assert told in capsys.readouterr().err
