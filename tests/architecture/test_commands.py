"""Commands that a page only names, or that no laptop can run, exist: targets, options, operations, files."""

import importlib.util
import io
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import Any
from unittest.mock import patch

import botocore.session
import pytest
import typer
from botocore import xform_name
from cloudphone.cli.main import app

from tests.architecture.repository import ROOT, table
from tests.support.blocks import Held, blocks, spans
from tests.support.outside_make import outside_make
from tools.region import template

ROUTES = template.routes(template.load())
OURS = ("tools", "tests", "benchmarks")
SECONDS = 60


@pytest.mark.parametrize(
    "code", sorted({block.code for block in blocks(Held.NAMED)}), ids=lambda code: code.strip()[:60]
)
def test_a_command_exists(code: str) -> None:
    assert [fault for command in _commands(code) for fault in faults(command)] == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        pytest.param("make simulat", "simulat", id="a target"),
        pytest.param("make simulate ARGS=--strategies", "--strategies", id="an option of a tool"),
        pytest.param("make simulate ARGS='--strategy worst'", "worst", id="a value of an option"),
        pytest.param("sam deploy --guide", "--guide", id="an option of sam"),
        pytest.param("sam deploy --config-env live", "live", id="a stage"),
        pytest.param("cloudphone fleet exprot", "exprot", id="a command of the client"),
        pytest.param("cloudphone allocate --minuts 3", "--minuts", id="an option of the client"),
        pytest.param("aws rds fail-over-db-cluster --db-cluster-identifier x", "fail-over", id="an operation"),
        pytest.param("aws rds failover-db-cluster --cluster x", "--cluster", id="an option of an operation"),
        pytest.param("uv tool run nothing -r nowhere.txt", "nowhere.txt", id="a file"),
        pytest.param("python -m tools.nothing", "tools.nothing", id="a module"),
        pytest.param("rm -rf x", "rm", id="what nobody knows"),
    ],
)
def test_what_does_not_exist_is_told(command: str, told: str) -> None:
    assert told in " ".join(faults(shlex.split(command)))


def test_a_request_in_a_line_of_text_names_a_route() -> None:
    asked = [(page, *span.split()[:2]) for page, span in spans() if re.match(r"[A-Z]+ /(?!api/internal)", span)]

    assert asked
    assert [(page, method, path) for page, method, path in asked if not is_route(method, path)] == []


@pytest.mark.parametrize(
    ("method", "path", "is_one"),
    [
        ("GET", "/scheduler/allocations?userId=…", True),
        ("POST", "/allocations/<id>/renew", True),
        ("POST", "/scheduler/dlqs/EventsIn/redrive", True),
        ("POST", "/scheduler/allocations", False),
        ("GET", "/scheduler/statistics", False),
    ],
)
def test_a_request_that_leads_nowhere_is_seen(method: str, path: str, is_one: bool) -> None:
    assert is_route(method, path) == is_one


def is_route(method: str, path: str) -> bool:
    """Tell whether a path, with or without its base, is one of the API; parts in braces stand for anything."""
    whole = "/scheduler" + path.partition("?")[0].removeprefix("/scheduler")
    patterns = (re.sub(r"\{\w+\}", "[^/]+", route.path) for route in ROUTES if route.method == method)
    return any(re.fullmatch(pattern, whole) for pattern in patterns)


def test_the_options_of_the_client_that_its_page_names_exist() -> None:
    named = {span.split()[0] for page, span in spans() if page == "clients/python/README.md" and span.startswith("--")}

    assert named
    assert named <= set(_options(typer.main.get_command(app)))


def test_the_commands_of_the_client_that_its_page_lists_exist() -> None:
    """A row may say the group of its commands once."""
    listed = [row[0].split(", ") for row in table(ROOT / "clients/python/README.md", "## Command line")]
    rows = [(names[0].split()[:-1], [name.split()[-1] for name in names]) for names in listed]

    assert [name for group, names in rows for name in names if faults(["cloudphone", *group, name])] == []


def test_each_variable_that_make_is_given_is_read() -> None:
    lines = (line for block in blocks(Held.NAMED, Held.RUN) for line in block.code.splitlines() if "make " in line)
    given = {name for line in lines for name in re.findall(r"(?:^| )([A-Z][A-Z_]+)=", line)}
    read = "".join(path.read_text() for path in (ROOT / "Makefile", *(ROOT / "tools").rglob("*.py")))

    assert {"NEIGHBOURS", "DATABASE_URL"} <= given
    assert [name for name in given if not re.search(rf"\b{name}\b", read)] == []


def _options(command: Any) -> Iterator[str]:
    """Every option of a command, and of those below it."""
    yield from (option for one in command.params for option in one.opts)
    for below in getattr(command, "commands", {}).values():
        yield from _options(below)


def faults(command: list[str]) -> list[str]:
    """Tell what of a command does not exist; empty when all does."""
    name, *words = command
    known: dict[str, Callable[[list[str]], list[str]]] = {
        "make": _make,
        "aws": _aws,
        "sam": _sam,
        "cloudphone": partial(_clicked, typer.main.get_command(app)),
        "python": _python,
        "uv": _files,
        "pip": _files,
        ".": _files,
    }
    return known[name](words) if name in known else [f"nobody knows {name}"]


def _commands(code: str) -> Iterator[list[str]]:
    """The commands of a block, without the variables before them; those inside $(…) too."""
    for inner in re.findall(r"\$\(([^()]*)\)", code):
        if " " in inner and not inner.startswith("id "):
            yield from _commands(inner)
    code = re.sub(r"\$\([^()]*\)", "VALUE", code)
    for line in code.replace("\\\n", " ").splitlines():
        for part in line.split(" && "):
            words = shlex.split(part, comments=True)
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            if words:
                yield words


def _make(words: list[str]) -> list[str]:
    """Let make say what it would run, and that what it would run with."""
    words = [re.sub(r"…", "elsewhere", word) for word in words]
    told = subprocess.run(
        ["make", "-n", *words],
        cwd=ROOT,
        env=outside_make(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if told.returncode:
        return [told.stderr]
    given = [word.partition("=")[2] for word in words if "=" in word]
    lines = [line for line in told.stdout.splitlines() if any(value in line for value in given)]
    return [fault for line in lines for command in _commands(line) for fault in faults(command)]


def _python(words: list[str]) -> list[str]:
    """Have a tool of ours read its arguments, with a call for help behind them, in which each option has to stand."""
    module, *arguments = words[words.index("-m") + 1 :]
    if module.partition(".")[0] not in OURS:
        return []
    main = f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module
    if importlib.util.find_spec(main) is None:
        return [f"no module {module}"]
    if not arguments:
        return []
    tool = importlib.import_module(main)
    told = io.StringIO()
    with patch.object(sys, "argv", [module, *arguments, "--help"]), redirect_stdout(told), redirect_stderr(told):
        try:
            tool.main()
        except SystemExit as end:
            if end.code:
                return [told.getvalue()]
    options = (word.partition("=")[0] for word in arguments if word.startswith("--"))
    return [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", told.getvalue())]


def _aws(words: list[str]) -> list[str]:
    """Ask botocore's model of the service. `logs tail` is the command line's own."""
    service, operation, *rest = words
    if (service, operation) == ("logs", "tail"):
        return []
    model = botocore.session.get_session().get_service_model("codedeploy" if service == "deploy" else service)
    known = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in known:
        return [f"{service} {operation}"]
    shape = model.operation_model(known[operation]).input_shape
    options = {f"--{xform_name(name, '-')}" for name in (shape.members if shape else {})}
    options |= {option.replace("--", "--no-", 1) for option in options}
    options |= {"--query", "--output", "--cli-binary-format"}
    return [part for part in rest if part.startswith("--") and part not in options]


def _files(words: list[str]) -> list[str]:
    """Look for what looks like a file; the environment that `make setup` makes is not in the repository."""
    files = [word for word in words if re.search(r"\.txt$|^[.\w]+/", word) and not word.startswith(".venv/")]
    return [word for word in files if not (ROOT / word).exists()]


def _sam(words: list[str]) -> list[str]:
    name, *rest = words
    wrong = _clicked(importlib.import_module(f"samcli.commands.{name}.command").cli, rest)
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text())
    asked = [rest[place + 1] for place, word in enumerate(rest[:-1]) if word == "--config-env"]
    return wrong + [stage for stage in asked if stage not in stages]


def _clicked(command: Any, words: list[str]) -> list[str]:
    """Have click (or what Typer has in its place) read the words, and run nothing."""
    context = command.context_class(command, info_name=command.name)
    try:
        _, rest, _ = command.make_parser(context).parse_args(list(words))
    except Exception as error:
        return [str(error) + str(getattr(error, "option_name", ""))]
    if not hasattr(command, "get_command") or not rest:
        return []
    inner = command.get_command(context, rest[0])
    return _clicked(inner, rest[1:]) if inner else [f"no command {rest[0]}"]
