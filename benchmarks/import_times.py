"""What `python -X importtime` says, as a tree, and summed up by package."""

import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

_LINE = re.compile(r"^import time:\s+(\d+) \|\s+(\d+) \|( +)(\S+)$", re.MULTILINE)
_STANDARD = "standard library"


@dataclass(slots=True)
class Module:
    """One import in µs: its own time, and with what it imported first."""

    name: str
    own: int
    cumulative: int
    first: "list[Module]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Package:
    """All modules of one package in ms; `with_others_ms` counts what they imported, where nobody had before."""

    name: str
    own_ms: float
    with_others_ms: float
    modules: int


def read_import_times(text: str) -> list[Module]:
    """Build the tree: Python tells an import after those that it needed, which are indented by two more."""
    pending: dict[int, list[Module]] = defaultdict(list)
    for own, cumulative, indent, name in _LINE.findall(text):
        depth = len(indent) // 2
        pending[depth].append(Module(name, int(own), int(cumulative), pending.pop(depth + 1, [])))
    return pending[0]


def packages(roots: Iterable[Module], standard: Collection[str] = sys.stdlib_module_names) -> list[Package]:
    """Sum up by top package, the largest own time first; the standard library is one."""
    own: dict[str, int] = defaultdict(int)
    cumulative: dict[str, int] = defaultdict(int)
    modules: dict[str, int] = defaultdict(int)

    def visit(module: Module, above: frozenset[str]) -> None:
        package = _package(module.name, standard)
        own[package] += module.own
        modules[package] += 1
        if package not in above:
            cumulative[package] += module.cumulative
        for one in module.first:
            visit(one, above | {package})

    for root in roots:
        visit(root, frozenset())
    found = [Package(name, own[name] / 1000, cumulative[name] / 1000, modules[name]) for name in own]
    return sorted(found, key=lambda one: -one.own_ms)


def _package(name: str, standard: Collection[str]) -> str:
    top = name.partition(".")[0]
    return _STANDARD if top in standard else top
