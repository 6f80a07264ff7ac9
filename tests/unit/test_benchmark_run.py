"""One run of the benchmark over its parts: what is kept, what is measured again, what is never written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.__main__ import read_options
from benchmarks.figures import figure
from benchmarks.kept import Kept, product_fingerprint
from benchmarks.outcome import Outcome, Plot, Series, Table, WrongAnswer, from_json, to_json
from benchmarks.part import Part
from benchmarks.parts import PARTS
from benchmarks.session import Session

FACTS = {"server_version": "18.6", "fsync": "off"}


@dataclass(frozen=True)
class Numbers:
    rounds: int
    workers: tuple[int, ...] = (1, 8)


class Bar:
    """Notes how far it came."""

    def __init__(self) -> None:
        self.at = self.total = 0

    def add_task(self, description: str, total: int) -> int:
        self.total = total
        return 0

    def update(self, task: int, advance: int = 0, description: str = "") -> None:
        self.at += advance


@contextmanager
def bare_stage() -> Iterator[Any]:
    @contextmanager
    def place(name: str) -> Iterator[str]:
        yield name

    yield SimpleNamespace(postgres=FACTS, place=place)


def part(name: str, value: float | None = 1, rounds: int = 2) -> Part[Numbers]:
    def run(place: Any, form: Numbers, tell: Any) -> Outcome:
        for number in range(form.rounds):
            tell(f"round {number}")
        if value is None:
            raise WrongAnswer("two holders")
        return Outcome((figure(name, value, ">= 1"),))

    return Part(name, name.title(), Numbers(rounds), Numbers(9), lambda form: form.rounds, run)


def measure(folder: Path, *parts: Part[Any], form: str = "quick") -> list[str]:
    """Measure what is missing; tell what that was."""
    session = Session(form, Kept(folder / form), bare_stage)
    missing = session.missing(parts)
    session.measure(missing, Bar())  # type: ignore[arg-type]
    return [one.name for one in missing]


def test_a_run_that_was_stopped_goes_on_with_what_is_missing(tmp_path: Path):
    with pytest.raises(WrongAnswer):
        measure(tmp_path, part("a"), part("b", value=None), part("c"))

    assert measure(tmp_path, part("a"), part("b"), part("c")) == ["b", "c"]
    assert measure(tmp_path, part("a"), part("b"), part("c")) == []


def test_a_part_with_other_numbers_is_measured_again(tmp_path: Path):
    measure(tmp_path, part("a", rounds=2))

    assert measure(tmp_path, part("a", rounds=3)) == ["a"]


def test_quick_figures_do_not_stand_in_for_full_ones(tmp_path: Path):
    measure(tmp_path, part("a"), form="quick")

    assert measure(tmp_path, part("a"), form="full") == ["a"]


def test_a_changed_product_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    measure(tmp_path, part("a"))
    monkeypatch.setattr("benchmarks.session.product_fingerprint", lambda: "another")

    assert measure(tmp_path, part("a")) == ["a"]


def test_the_fingerprint_follows_the_code_and_nothing_else(tmp_path: Path):
    code = tmp_path / "layers" / "claim.sql"
    code.parent.mkdir()
    code.write_text("SELECT 1")
    before = product_fingerprint(tmp_path)

    (tmp_path / "README.md").write_text("words")
    assert product_fingerprint(tmp_path) == before

    code.write_text("SELECT 2")
    assert product_fingerprint(tmp_path) != before


def test_a_file_cut_short_counts_as_missing(tmp_path: Path):
    measure(tmp_path, part("a"))
    kept = tmp_path / "quick" / "a.json"
    kept.write_text(kept.read_text()[:-20])

    assert measure(tmp_path, part("a")) == ["a"]


def test_the_bar_ends_where_it_should(tmp_path: Path):
    bar = Bar()

    Session("quick", Kept(tmp_path), bare_stage).measure([part("a", rounds=2), part("b", rounds=3)], bar)  # type: ignore[arg-type]

    assert (bar.at, bar.total) == (5, 5)


def test_an_outcome_comes_back_as_it_was_kept():
    outcome = Outcome(
        (figure("a", 0.5, ">= 0.40", "why"),),
        (Table("t", ("x", "y"), (("1", "2"),)),),
        (Plot("p", "P", "x", "y", (Series("s", (1, 8), (0.1, 0.2)),), y_scale="log", mark=50),),
    )

    assert from_json(to_json(outcome)) == outcome


def test_every_part_has_a_name_of_its_own():
    names = [one.name for one in PARTS]

    assert len(set(names)) == len(names)


def test_the_full_form_is_the_usual_one():
    assert read_options([]).form == "full"
    assert read_options(["--quick", "--only", "cycles"]).only == ["cycles"]


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--quick", "--full"]])
def test_a_command_line_that_makes_no_sense_is_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        read_options(arguments)
