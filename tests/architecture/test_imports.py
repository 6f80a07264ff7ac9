"""Arrows point down only: functions → edge → service → domain; adapters → domain, ports; runtime wires all."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.repository import FUNCTIONS, PACKAGE, Import, imports, name_of, product

# What a layer may import beside itself. Whoever is missing in a row is above it, or none of its business.
ARROWS = {
    "functions": {"runtime", "edge", "service", "ports", "domain", "settings"},
    "runtime": {"adapters", "edge", "service", "ports", "domain", "settings"},
    "edge": {"service", "ports", "domain", "settings", "acting", "turns", "patience", "discretion"},
    "adapters": {"ports", "domain", "acting", "turns", "patience"},
    "service": {"ports", "domain", "discretion"},
    "ports": {"domain"},
    "settings": {"domain", "turns"},
    "domain": set(),
    "acting": {"scoped"},
    "turns": {"scoped"},
    "patience": {"scoped"},
    "scoped": set(),
    "discretion": set(),
}
# Where each technology lives. Elsewhere in the product it is not imported at all, not even late.
HOMES = {
    "boto3": ["adapters/aws/"],
    "botocore": ["adapters/aws/"],
    "mypy_boto3_secretsmanager": ["adapters/aws/"],
    "psycopg2": ["adapters/postgres/"],
    "redis": ["adapters/redis/"],
    "hiredis": ["adapters/redis/"],
    "requests": ["adapters/http/", "adapters/probes.py"],
    "urllib3": ["adapters/http/"],
    "jwt": ["adapters/http/"],
    "msgspec": ["edge/", "functions/", "adapters/postgres/", "adapters/redis/"],
    "aws_lambda_powertools": ["edge/", "functions/", "adapters/"],
}
STANDARD_LIBRARY_ONLY = {
    *("domain", "service", "ports", "settings", "acting", "turns", "discretion", "patience", "scoped"),
}
FROM_THE_LAMBDA_RUNTIME = {"boto3", "botocore"}
TYPES_ONLY = {"mypy_boto3_secretsmanager"}

MODULES = [path for path in product() if path != PACKAGE / "__init__.py"]


def place_of(path: Path) -> str:
    """Path below the package, or below the repository for a function."""
    return str(path.relative_to(PACKAGE) if PACKAGE in path.parents else path.relative_to(FUNCTIONS.parent))


def layer_of(path: Path) -> str:
    return place_of(path).partition("/")[0].removesuffix(".py")


def package_of(module: str) -> str:
    return module.partition(".")[0]


def canonical(distribution: str) -> str:
    """Name of a distribution as a lock file writes it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def ours(path: Path) -> list[Import]:
    return [found for found in imports(path) if package_of(found.module) == "scheduler"]


def foreign(path: Path) -> set[str]:
    """Packages that a file imports and that are neither ours nor Python's."""
    siblings = {file.stem for file in path.parent.glob("*.py")} if layer_of(path) == "functions" else set()
    return {package_of(found.module) for found in imports(path)} - {"scheduler"} - sys.stdlib_module_names - siblings


def test_every_layer_is_in_the_table_of_arrows() -> None:
    assert {layer_of(path) for path in MODULES} == set(ARROWS)


@pytest.mark.parametrize("layer", ARROWS)
def test_arrows_point_down_only(layer: str) -> None:
    allowed = ARROWS[layer] | {layer}
    members = [path for path in MODULES if layer_of(path) == layer]

    upward = {name_of(path): [f for f in ours(path) if f.module.split(".")[1] not in allowed] for path in members}

    assert {name: found for name, found in upward.items() if found} == {}


@pytest.mark.parametrize("technology", ["postgres", "redis", "aws", "http"])
def test_an_adapter_knows_nothing_of_another_technology(technology: str) -> None:
    folder = PACKAGE / "adapters" / technology
    known = {f.module for path in folder.glob("*.py") for f in ours(path) if f.module.startswith("scheduler.adapters.")}

    assert {module for module in known if module.split(".")[2] != technology} == set()


def test_each_technology_stays_at_home() -> None:
    astray = {
        place_of(path): package
        for path in MODULES
        for package in foreign(path)
        if not place_of(path).startswith(tuple(HOMES[package]))
    }

    assert astray == {}


def test_what_decides_needs_python_alone() -> None:
    deciding = [path for path in MODULES if layer_of(path) in STANDARD_LIBRARY_ONLY]

    assert {place_of(path): foreign(path) for path in deciding if foreign(path)} == {}


def test_boto3_is_imported_late() -> None:
    early = [(place_of(path), found) for path in MODULES for found in imports(path) if found.at_import]

    assert [hit for hit in early if package_of(hit[1].module) in FROM_THE_LAMBDA_RUNTIME] == []


def test_the_routes_of_powertools_are_not_imported_they_need_a_validator_that_the_layer_has_not() -> None:
    found = [(place_of(path), each.module) for path in MODULES for each in imports(path)]

    assert [hit for hit in found if hit[1].startswith("aws_lambda_powertools.event_handler")] == []


def test_the_layer_carries_whatever_is_imported() -> None:
    locked = (PACKAGE.parent / "requirements.txt").read_text()
    carried = set(re.findall(r"^([\w-]+)(?:\[\w+\])?==", locked, re.MULTILINE))
    distributions = packages_distributions()
    imported = set().union(*(foreign(path) for path in MODULES)) - FROM_THE_LAMBDA_RUNTIME - TYPES_ONLY

    assert [name for name in imported if not {canonical(found) for found in distributions[name]} & carried] == []


def test_nothing_deployed_imports_what_is_not_deployed() -> None:
    roots = {package_of(found.module) for path in MODULES for found in imports(path)}

    assert roots.isdisjoint({"tests", "tools", "benchmarks"})
