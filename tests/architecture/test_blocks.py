"""Each block of the documents is held to the truth in exactly one way, and those that nothing runs are right too."""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from cfnlint import ManualArgs, lint

from tests.architecture.repository import ROOT, tree
from tests.support.blocks import NOT_RUN, Block, Held, blocks, claims, pages
from tests.support.printed import alike, matches

MOVES = {
    "flowchart": r"[\w-]+[\[({>].*|.+ (--|-->) .+|classDef \w+ .+",
    "sequenceDiagram": r"participant \w+ as .+|\w+--?>>\w+: .+|Note over \w+: .+",
    "stateDiagram-v2": r"direction \w+|(\[\*\]|\w+) --> (\[\*\]|\w+)(: .+)?",
    "gantt": r"(title|dateFormat|axisFormat|todayMarker|section) .+|[^:]+:.+",
}
"""What a line of each kind of diagram may say. `make docs` has mermaid itself read them."""
RESOURCES = "Resources:\n  MyQueue:\n    Type: AWS::SQS::Queue\n"
GIVEN = {
    "<ARN of EventsInQueue>": "!GetAtt MyQueue.Arn",
    "<EventsTopicArn>": "arn:aws:sns:eu-central-1:123456789012:events.fifo",
}


def test_each_block_is_held_in_exactly_one_way() -> None:
    assert {block.name: claims(block) for block in blocks() if len(claims(block)) != 1} == {}


def test_no_fence_is_left_open_or_unread() -> None:
    fences = sum(len(re.findall(r"^ *```", page.read_text(), re.MULTILINE)) for page in pages())

    assert 2 * sum(block.fenced for block in blocks()) == fences


@pytest.mark.parametrize("language", ["", "js", "console"])
def test_a_block_that_nothing_holds_is_seen(language: str) -> None:
    assert claims(Block("docs/queue.md", 1, language, "queue.join()\n", "Order", True)) == []


def test_what_is_not_run_stands_where_it_is_said_to() -> None:
    found = [(page, begins) for page, begins in NOT_RUN for block in blocks() if _is(block, page, begins)]

    assert sorted(set(found)) == sorted(NOT_RUN)


def test_the_runbook_says_what_is_not_run() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    marked = re.findall(r"\*\*Not run here\*\*:[^`]*```sh\n(.*?)\n", runbook)

    assert marked == [block.code.splitlines()[0] for block in blocks(Held.NAMED) if block.fenced and _is_runbook(block)]


@pytest.mark.parametrize("block", blocks(Held.DRAWN), ids=lambda block: block.name)
def test_a_diagram_says_what_diagrams_of_its_kind_can(block: Block) -> None:
    assert unknown_moves(block.code) == []


@pytest.mark.parametrize(
    ("diagram", "wrong"),
    [("flowchart LR\n  a -=> b", "a -=> b"), ("sequenceDiagram\n  a->b", "a->b"), ("graf LR\n  a --> b", "graf LR")],
)
def test_a_move_that_no_diagram_knows_is_seen(diagram: str, wrong: str) -> None:
    assert wrong in unknown_moves(diagram)


def unknown_moves(code: str) -> list[str]:
    """Lines of a diagram that its kind does not know; its first line, when that names no kind."""
    kind, *lines = (line.strip() for line in code.strip().splitlines())
    known = MOVES.get(kind.split()[0])
    return [line for line in lines if not re.fullmatch(known, line)] if known else [kind]


@pytest.mark.parametrize("block", blocks(Held.RESOURCE), ids=lambda block: block.name)
def test_a_resource_is_one_of_cloudformation(block: Block) -> None:
    assert wrong_parts(block.code) == []


def test_a_property_that_cloudformation_does_not_know_is_seen() -> None:
    (code,) = (block.code for block in blocks(Held.RESOURCE) if "FilterPolicy" in block.code)

    assert wrong_parts(code.replace("FilterPolicy", "FilterPolicies"))


def wrong_parts(code: str) -> list[str]:
    """What CloudFormation would say to a resource of a page."""
    for said, value in GIVEN.items():
        code = code.replace(said, value)
    found = lint(RESOURCES + textwrap.indent(code, "  "), config=ManualArgs(regions=["eu-central-1"]))
    return [f"{fault.rule.id} {fault.message}" for fault in found]


@pytest.mark.parametrize("block", blocks(Held.TREE), ids=lambda block: block.name)
def test_a_tree_is_that_of_the_repository(block: Block) -> None:
    assert list(missing(block.code)) == []


def test_a_folder_that_is_not_there_is_seen() -> None:
    assert list(missing("layers/shared/python/scheduler/\n  domain/ pure\n  utils/ x\n")) == [
        "layers/shared/python/scheduler/utils"
    ]


def missing(code: str) -> Iterator[str]:
    """Paths of a tree that do not exist; an indented one lies in the last that is not."""
    above = Path()
    for line in code.splitlines():
        path = Path(line.split()[0].replace("<name>", "allocate"))
        above = above if line.startswith(" ") else path
        whole = above / path if line.startswith(" ") else path
        if not (ROOT / whole).exists():
            yield str(whole)


@pytest.mark.parametrize("block", blocks(Held.STORY), ids=lambda block: block.name)
def test_a_story_is_told_as_the_demo_tells_it(block: Block) -> None:
    assert [line for line in block.code.splitlines() if line and not _is_told(line)] == []


def test_a_line_that_the_demo_does_not_tell_is_seen() -> None:
    assert _is_told("    ✓ Ben has phone-1 now, token 3, still until 01:01:10")
    assert not _is_told("    ✓ Ben owns phone-1 now, token 3, still until 01:01:10")


def _is_told(line: str) -> bool:
    """Tell whether some text of the demo is this line, whatever its values are."""
    text = re.sub(r"^\s*✓ |^\d\d:\d\d  ", "", line)
    return any(
        re.fullmatch(pattern, text) for path in (ROOT / "tools" / "demo").glob("*.py") for pattern in _texts(path)
    )


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.JoinedStr):
            parts = (re.escape(str(v.value)) if isinstance(v, ast.Constant) else r"\S+" for v in node.values)
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield re.escape(node.value)


@pytest.mark.parametrize(
    ("language", "shown", "printed"),
    [
        ("text", "UPDATE <n>\nall is well\n", "UPDATE 60\n\nall  is well"),
        ("text", "done 0:00:00", "done 0:00:07"),
        ("json", '{"id": "phone-1", "cores": 4}', 'x {"data": [{"id": "phone-2", "cores": 8}]} y'),
        ("json", '{"at": "2026-01-01T00:00:00Z"}', '{"at": "2026-01-02T00:00:00.123456Z"}'),
        ("csv", "user,seconds\nana,4500\n", "user,seconds\nben,1\ncem,2\n"),
        ("http", "RateLimit: r=5;t=12\n", "ratelimit: r=1000;t=60\r\n"),
    ],
)
def test_what_is_printed_may_differ_in_what_changes_each_time(language: str, shown: str, printed: str) -> None:
    assert matches(language, shown, printed)


@pytest.mark.parametrize(
    ("language", "shown", "printed"),
    [
        ("text", "UPDATE <n>\nall is well\n", "UPDATE\nall is well"),
        ("text", "UPDATE <n>\nall is well\n", "UPDATE 60\nall is lost"),
        ("json", '{"id": "phone-1", "cores": 4}', '{"id": "phone-2", "cpuCores": 8}'),
        ("json", '{"id": "phone-1"}', '{"id": "phone-2", "cores": 8}'),
        ("json", '{"status": "running"}', '{"status": "stopped"}'),
        ("json", '{"at": "2026-01-01T00:00:00Z"}', '{"at": "phone-2"}'),
        ("csv", "user,seconds\nana,4500\n", "user,minutes\nben,1\n"),
        ("csv", "user,seconds\nana,4500\n", "user,seconds\nben,never\n"),
        ("http", "RateLimit: r=5;t=12\n", "ratelimit: r=5\n"),
    ],
)
def test_what_is_printed_differs_in_nothing_else(language: str, shown: str, printed: str) -> None:
    assert not matches(language, shown, printed)


def test_a_list_shows_items_of_the_answer() -> None:
    assert alike([{"a": 1}], [{"a": 2}, {"a": 3}])
    assert not alike([{"a": 1}], [])


def _is(block: Block, page: str, begins: str) -> bool:
    return block.page == page and block.code.startswith(begins)


def _is_runbook(block: Block) -> bool:
    return block.page == "docs/runbook.md"
