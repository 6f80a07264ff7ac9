"""The mutation tool reaches what mutmut would pass over, and lets no survivor go unexplained."""

from pathlib import Path

import pytest

from tools.mutation import __main__ as command
from tools.mutation.report import document
from tools.mutation.results import Mutant, score, unexplained
from tools.mutation.workplace import DOMAIN, passed_over, reachable

SOURCE = '''
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers."""

    left: int
    right: int = 2

    @property
    def total(self) -> int:
        return self.left + self.right

    @classmethod
    def ascending(cls, *numbers: int) -> "Pair":
        return cls(*sorted(numbers, key=lambda number: number))


@cache
def zero() -> int:
    return 0


OPERATIONS = {
    "add": lambda pair: pair.total,
    "double": lambda pair: sum(
        [pair.total, pair.total],
        start=zero(),
    ), "both": (lambda pair: pair.left, lambda pair: pair.right),
}
'''
KILLED = Mutant("quota", "parse_document", killed=True)
EXPLAINED = Mutant("quota", "_limit", False, "a < b", "a <= b", "the two are never equal")
UNEXPLAINED = Mutant("quota", "QuotaDocument.terms_for", False, "x", "y")


def run(source: str) -> dict[str, object]:
    names: dict[str, object] = {"__name__": "sample"}
    exec(source, names)
    return names


def test_nothing_that_mutmut_passes_over_is_left() -> None:
    assert len(passed_over(SOURCE)) == 7
    assert passed_over(reachable(SOURCE)) == []


def test_the_rewritten_source_does_the_same() -> None:
    names = run(reachable(SOURCE))
    pair = names["Pair"](1)  # type: ignore[operator]

    assert (repr(pair), pair.total) == ("Pair(left=1, right=2)", 3)
    add, double, both = names["OPERATIONS"].values()  # type: ignore[attr-defined]
    assert [operation(pair) for operation in (add, double, *both)] == [3, 6, 1, 2]
    assert names["Pair"].ascending(2, 1) == pair  # type: ignore[attr-defined]


def test_of_what_is_strict_only_zip_is_let_go() -> None:
    assert reachable("pairs = zip(range(2), names, strict=True)") == "pairs = zip(range(2), names)\n"
    assert reachable("rule = Rule(1, strict=True)") == "rule = Rule(1, strict=True)\n"


def test_the_whole_domain_is_reached() -> None:
    sources = [reachable(path.read_text()) for path in DOMAIN.glob("*.py")]

    assert len(sources) > 5
    assert [passed_over(source) for source in sources] == [[]] * len(sources)


def test_the_score_is_the_share_that_was_seen() -> None:
    assert (score([KILLED, EXPLAINED, KILLED, UNEXPLAINED]), score([])) == (0.5, 0.0)


def test_a_survivor_without_a_reason_is_not_let_go() -> None:
    assert unexplained([KILLED, EXPLAINED, UNEXPLAINED]) == [UNEXPLAINED]


def test_the_document_lists_every_survivor_with_its_reason() -> None:
    told = document([KILLED, EXPLAINED, UNEXPLAINED])

    assert "**33.3%** (1 of 3 mutants)" in told
    assert "| quota | 3 | 2 |" in told
    assert "`quota._limit`: the two are never equal\n  - was: `a < b`\n  - becomes: `a <= b`" in told
    assert "`quota.QuotaDocument.terms_for`: **not explained**" in told
    assert document([KILLED]).endswith("None.\n")


@pytest.mark.parametrize(
    ("mutants", "written", "code"),
    [
        pytest.param([KILLED], document([KILLED]), 0, id="all were seen, and the document says so"),
        pytest.param([KILLED], document([KILLED, KILLED]), 1, id="the document says something else"),
        pytest.param([KILLED] * 9 + [EXPLAINED], document([KILLED] * 9 + [EXPLAINED]), 0, id="a survivor is explained"),
        pytest.param([KILLED] * 9 + [UNEXPLAINED], document([KILLED] * 9 + [UNEXPLAINED]), 1, id="one is not"),
        pytest.param([KILLED, EXPLAINED], document([KILLED, EXPLAINED]), 1, id="too many survive"),
    ],
)
def test_a_check_fails_when_something_is_not_as_it_should_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mutants: list[Mutant], written: str, code: int
) -> None:
    (tmp_path / "mutation.md").write_text(written)
    monkeypatch.setattr(command, "DOCUMENT", tmp_path / "mutation.md")
    monkeypatch.setattr(command, "run", lambda: mutants)

    assert command.main(["--check"]) == code
    assert (tmp_path / "mutation.md").read_text() == written


def test_without_the_check_the_document_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "DOCUMENT", tmp_path / "mutation.md")
    monkeypatch.setattr(command, "run", lambda: [KILLED])

    assert command.main([]) == 0
    assert (tmp_path / "mutation.md").read_text() == document([KILLED])
