"""Loads the Lambda functions of this repository into one process, each as its own `app` module."""

import importlib.util
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, wraps
from pathlib import Path
from types import ModuleType
from typing import Any

FUNCTIONS = Path(__file__).parents[1] / "functions"

running: ContextVar[str] = ContextVar("running", default="")
"""The function that runs now; empty: none. Lambda gives each a process, and so a database role, of its own."""


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
    module.handler = _named(name, module.handler)  # type: ignore[attr-defined]
    return module


def _named(name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    def run(*arguments: Any, **named: Any) -> Any:
        token = running.set(name)
        try:
            return handler(*arguments, **named)
        finally:
            running.reset(token)

    return run
