"""A copy of the domain and its tests in which mutmut reaches every function."""

import ast
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "shared" / "python" / "scheduler"
DOMAIN = PACKAGE / "domain"
TESTS = ROOT / "tests" / "unit" / "domain"
BESIDE = (
    "tests/support/__init__.py",
    "tests/support/incoming.py",
    "tests/support/schemas.py",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "events" / "schemas").rglob("*.json"))),
)
"""What the tests import or read beside the domain."""
PLACE = ROOT / ".local" / "mutation"

_CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/scheduler/domain/*"]
timeout_constant = 2.0
timeout_multiplier = 10.0
also_copy = ["conftest.py", "events"]
pytest_add_cli_args_test_selection = ["tests/domain"]
[tool.pytest.ini_options]
pythonpath = ["src", "."]
addopts = ["--import-mode=importlib", "-pno:unraisableexception", "-pno:threadexception", "-pno:cacheprovider"]
"""
"""A mutant that loops is ended after 20 s. What pytest does beside the tests, for each mutant anew, is left out."""

# mutmut 3.7 asks tests for a name that pytest 9.2 gave up; mutmut 3.8 does not, but the SAM CLI forbids its click.
_CONFTEST = """
from hypothesis import Phase, settings


settings.register_profile("mutants", derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("mutants")


def pytest_collection_modifyitems(items):
    for item in items:
        item._nodeid = item.nodeid
"""


_STRICT_ZIP = re.compile(r"(\bzip\(.*?), strict=True\)")


def prepare() -> Path:
    """Make the workplace anew; give its folder."""
    shutil.rmtree(PLACE, ignore_errors=True)
    (PLACE / "src" / "scheduler").mkdir(parents=True)
    (PLACE / "pyproject.toml").write_text(_CONFIGURATION)
    (PLACE / "conftest.py").write_text(_CONFTEST)
    shutil.copy(PACKAGE / "__init__.py", PLACE / "src" / "scheduler")
    shutil.copytree(TESTS, PLACE / "tests" / "domain", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(DOMAIN, PLACE / "src" / "scheduler" / "domain", ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        (PLACE / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, PLACE / name)
    for path in (PLACE / "src").rglob("*.py"):
        path.write_text(reachable(path.read_text()))
    return PLACE


def reachable(source: str) -> str:
    """Say the same so that mutmut reaches it: it passes over whatever has a decorator, and over lambdas in tables.

    `strict=True` of `zip` is left out: it is an assertion, and no test should see it fail.
    """
    return _without_decorators(_without_lambdas(_STRICT_ZIP.sub(r"\1)", source)))


def passed_over(source: str) -> list[str]:
    """List what mutmut would pass over: decorated classes and functions, and lambdas outside of functions."""
    tree = ast.parse(source)
    return [
        ast.unparse(node).splitlines()[0]
        for node in [*_decorated(tree), *(entry for table in _tables(tree) for entry in _lambdas(table))]
    ]


def _without_decorators(source: str) -> str:
    """Decorate by a call after the definition."""
    lines = source.splitlines()
    for node in sorted(_decorated(ast.parse(source)), key=lambda node: node.lineno, reverse=True):
        (decorator,) = map(ast.unparse, node.decorator_list)
        indent = " " * node.col_offset
        if decorator not in _NEEDLESS:
            lines.insert(node.end_lineno or node.lineno, f"{indent}{node.name} = {decorator}({node.name})")
        del lines[node.decorator_list[0].lineno - 1 : node.decorator_list[0].end_lineno]
    return "\n".join(lines) + "\n"


_NEEDLESS = {"cache"}
"""What is remembered from the clean run would hide what a mutant says."""
_REACHED = {"classmethod", "staticmethod"}


def _decorated(tree: ast.Module) -> list[ast.ClassDef | ast.FunctionDef]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        and not _REACHED.issuperset(map(ast.unparse, node.decorator_list))
    ]


def _without_lambdas(source: str) -> str:
    """Make the lambdas of a module's tables functions that stand before the table, named after their place."""
    for table in reversed(_tables(ast.parse(source))):
        lines = source.splitlines()
        functions = []
        for node in reversed(_lambdas(table)):
            name, last = f"_entry_{node.lineno}_{node.col_offset}", node.end_lineno or node.lineno
            before, after = lines[node.lineno - 1][: node.col_offset], lines[last - 1][node.end_col_offset :]
            lines[node.lineno - 1 : last] = [before + name + after]
            functions.append(f"def {name}({ast.unparse(node.args)}):\n    return {ast.unparse(node.body)}")
        lines[table.lineno - 1 : table.lineno - 1] = functions
        source = "\n".join(lines) + "\n"
    return source


def _tables(tree: ast.Module) -> list[ast.Assign | ast.AnnAssign]:
    return [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]


def _lambdas(table: ast.Assign | ast.AnnAssign) -> list[ast.Lambda]:
    """List the lambdas of a table, in their order."""
    found = [node for node in ast.walk(table) if isinstance(node, ast.Lambda)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))
