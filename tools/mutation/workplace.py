"""A copy of the domain and its tests in which mutmut reaches every function."""

import ast
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "shared" / "python" / "scheduler"
DOMAIN = PACKAGE / "domain"
TESTS = ROOT / "tests" / "unit" / "domain"
PLACE = ROOT / ".local" / "mutation"

_CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/scheduler/domain/*"]
timeout_constant = 20.0
also_copy = ["conftest.py"]
pytest_add_cli_args_test_selection = ["tests/domain"]
[tool.pytest.ini_options]
pythonpath = ["src"]
addopts = ["--import-mode=importlib"]
"""

# mutmut 3.7 asks tests for a name that pytest 9.2 gave up; mutmut 3.8 does not, but the SAM CLI forbids its click.
_CONFTEST = """
def pytest_collection_modifyitems(items):
    for item in items:
        item._nodeid = item.nodeid
"""


def prepare() -> Path:
    """Make the workplace anew; give its folder."""
    shutil.rmtree(PLACE, ignore_errors=True)
    (PLACE / "src" / "scheduler").mkdir(parents=True)
    (PLACE / "pyproject.toml").write_text(_CONFIGURATION)
    (PLACE / "conftest.py").write_text(_CONFTEST)
    shutil.copy(PACKAGE / "__init__.py", PLACE / "src" / "scheduler")
    shutil.copytree(TESTS, PLACE / "tests" / "domain", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(DOMAIN, PLACE / "src" / "scheduler" / "domain", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (PLACE / "src").rglob("*.py"):
        path.write_text(reachable(path.read_text()))
    return PLACE


def reachable(source: str) -> str:
    """Say the same so that mutmut reaches it: it passes over whatever has a decorator, and over lambdas in tables."""
    return _without_decorators(_without_lambdas(source))


def _without_decorators(source: str) -> str:
    """Decorate dataclasses and properties by a call after them."""
    lines = source.splitlines()
    for node in sorted(_decorated(ast.parse(source)), key=lambda node: node.lineno, reverse=True):
        (decorator,) = node.decorator_list
        indent = " " * node.col_offset
        lines.insert(node.end_lineno or node.lineno, f"{indent}{node.name} = {ast.unparse(decorator)}({node.name})")
        del lines[decorator.lineno - 1 : decorator.end_lineno]
    return "\n".join(lines) + "\n"


def _decorated(tree: ast.Module) -> list[ast.ClassDef | ast.FunctionDef]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        and [ast.unparse(decorator).split("(")[0] for decorator in node.decorator_list] in (["dataclass"], ["property"])
    ]


def _without_lambdas(source: str) -> str:
    """Make the lambdas of a module's tables functions that stand before the table, named after their line."""
    tables = [node for node in ast.parse(source).body if isinstance(node, ast.Assign | ast.AnnAssign)]
    for table in reversed(tables):
        lines = source.splitlines()
        functions = []
        for node in [node for node in ast.walk(table) if isinstance(node, ast.Lambda)]:
            written, name = ast.get_source_segment(source, node) or "", f"_entry_{node.lineno}"
            lines[node.lineno - 1] = lines[node.lineno - 1].replace(written, name)
            functions.append(f"def {name}({ast.unparse(node.args)}):\n    return {ast.unparse(node.body)}")
        lines[table.lineno - 1 : table.lineno - 1] = functions
        source = "\n".join(lines) + "\n"
    return source
