"""`make repair-quota`: usage rows that somebody spoiled become the sum over active allocations again."""

from threading import Thread

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.api import Api
from tests.support.ledger import assert_ledger_agrees
from tools.repair_quota import main

SPOIL = "UPDATE quota_usage SET devices = devices + 2, memory_mb = 0 WHERE user_id = 'alice' RETURNING devices"


@pytest.fixture
def spoiled(api: Api, database: Database) -> None:
    """Alice holds one device and Bob two; her row says three."""
    api.add_devices(3)
    for user in ("alice", "bob", "bob"):
        api.allocate(userId=user)
    assert database.call(SPOIL, {}) == 3


@pytest.mark.usefixtures("spoiled")
def test_looking_tells_and_changes_nothing(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    told = capsys.readouterr().out.splitlines()
    assert told[0] == "acme/alice: devices 3 -> 1, memory_mb 0 -> 4096"
    assert told[1].startswith("1 usage rows are wrong; nothing was changed")
    assert database.call("SELECT devices FROM quota_usage WHERE user_id = 'alice'", {}) == 3


@pytest.mark.usefixtures("spoiled")
def test_applied_the_books_agree_again(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--apply"]) == 0

    assert "1 usage rows repaired" in capsys.readouterr().out
    assert_ledger_agrees(database)
    assert main(["--apply"]) == 0
    assert "every usage row is right" in capsys.readouterr().out


@pytest.mark.usefixtures("spoiled")
def test_a_missing_row_is_made(database: Database) -> None:
    database.call("DELETE FROM quota_usage WHERE user_id = 'bob' RETURNING 1", {})

    main(["--apply"])

    assert_ledger_agrees(database)


@pytest.mark.usefixtures("spoiled")
def test_what_is_lent_meanwhile_is_counted(api: Api, database: Database) -> None:
    api.add_devices(20)
    lending = Thread(target=lambda: [api.allocate(userId="alice") for _ in range(8)])

    lending.start()
    for _ in range(8):
        database.call(SPOIL, {})
        main(["--apply"])
    lending.join()
    main(["--apply"])

    assert_ledger_agrees(database)


def test_without_a_database_it_says_how(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    assert main([]) == 2
    assert "DATABASE_URL=postgresql://" in capsys.readouterr().err
