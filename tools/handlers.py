"""Loads the Lambda functions of this repository into one process, each as its own `app` module."""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

FUNCTIONS = Path(__file__).parents[1] / "functions"


def function_names() -> list[str]:
    """Names of all functions, sorted."""
    return sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))


@cache
def load_function(name: str) -> ModuleType:
    """Import functions/<name>/app.py the way Lambda does: its own folder first on the path."""
    folder = FUNCTIONS / name
    spec = importlib.util.spec_from_file_location(f"function_{name}", folder / "app.py")
    if spec is None or spec.loader is None:
        raise LookupError(f"no function {name}")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module
