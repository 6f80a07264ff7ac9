"""Files stay short, names say something, and nothing of one machine is in the repository."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.repository import FUNCTIONS, PACKAGE, imports, name_of, product, tracked, tree

LONGEST_FILE = 300
LONGEST_HANDLER_FILE = 100
LONGEST_FUNCTION = 40
EMPTY_NAMES = re.compile(r"utils?|commons?|helpers?|managers?|misc")
# Bracketed, so that this file does not hold what it looks for.
FOREIGN_WORDS = re.compile(
    r"pypi[.]org|pythonhos[t]ed[.]org|deb[.]debian[.]org|security[.]debian[.]org|registry[.]npm[j]s|index-url [=h]"
    r"|(?<![\w.$}~/])/(?:root|work|farm|home|Users)/\w|/tmp/(?!\$)\w"
)


def functions_of(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef))


def length(function: ast.FunctionDef) -> int:
    """Lines of the body, its docstring not counted."""
    documented = ast.get_docstring(function, clean=False) is not None and len(function.body) > 1
    first = function.body[1 if documented else 0]
    return (function.end_lineno or first.lineno) - first.lineno + 1


def longest(path: Path) -> int:
    """How many lines a product file may have."""
    return LONGEST_HANDLER_FILE if FUNCTIONS in path.parents else LONGEST_FILE


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def public_definitions(path: Path) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Functions, classes and methods that other modules may call."""
    for parent in ast.walk(tree(path)):
        if isinstance(parent, ast.Module | ast.ClassDef) and not getattr(parent, "name", "").startswith("_"):
            for node in parent.body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                    yield node


def called_names(path: Path) -> set[str]:
    calls = (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    return {call.id for call in calls if isinstance(call, ast.Name)}


def test_a_module_can_be_read_in_one_sitting() -> None:
    assert {name_of(path): lines(path) for path in product() if lines(path) > longest(path)} == {}


def test_a_function_fits_on_a_screen() -> None:
    every = ((path, function) for path in tracked(".py") for function in functions_of(path))

    assert {f"{name_of(p)} {f.name}": length(f) for p, f in every if length(f) > LONGEST_FUNCTION} == {}


def test_a_module_is_named_after_what_it_does() -> None:
    names = (name_of(path) for path in tracked(".py"))

    assert [name for name in names if any(map(EMPTY_NAMES.fullmatch, Path(name).with_suffix("").parts))] == []


def test_a_module_says_what_it_is_for() -> None:
    assert [name_of(path) for path in product() if not ast.get_docstring(tree(path))] == []


def test_whatever_others_call_says_what_it_does() -> None:
    every = ((path, node) for path in product() for node in public_definitions(path))

    assert [f"{name_of(path)} {node.name}" for path, node in every if not ast.get_docstring(node)] == []


def test_annotations_are_not_postponed_where_dependencies_are_read_from_them() -> None:
    folders = (FUNCTIONS, PACKAGE / "edge", PACKAGE / "runtime")
    read_at_run_time = [path for folder in folders for path in folder.rglob("*.py")]
    postponed = [path for path in read_at_run_time if any(f.module == "__future__" for f in imports(path))]

    assert [name_of(path) for path in postponed] == []


def test_only_settings_reads_the_environment() -> None:
    reading = [
        path
        for path in product()
        if any(isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} for node in ast.walk(tree(path)))
    ]

    assert [name_of(path) for path in reading] == [name_of(PACKAGE / "settings" / "__init__.py")]


def test_the_product_writes_to_the_log_and_not_to_the_screen() -> None:
    assert [name_of(path) for path in product() if "print" in called_names(path)] == []


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = {name_of(path): FOREIGN_WORDS.findall(path.read_text(errors="ignore")) for path in tracked()}

    assert len(found) > 100
    assert {name: words for name, words in found.items() if words} == {}
