"""The package stands alone: it imports what it declares, and nothing of the scheduler's."""

import ast
import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def imported() -> set[str]:
    roots = set()
    for path in (PACKAGE / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                roots |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name}: a relative import"
                roots.add(str(node.module).partition(".")[0])
    return roots - sys.stdlib_module_names


def test_it_imports_what_it_declares_and_nothing_else() -> None:
    line = re.search(r"^dependencies = \[(.*)\]$", (PACKAGE / "pyproject.toml").read_text(), re.MULTILINE)
    assert line
    declared = {re.split(r"[><=]", text)[0].replace("-", "_") for text in re.findall(r'"([^"]+)"', line[1])}

    assert imported() - {"cloudphone", "pytest"} == declared
