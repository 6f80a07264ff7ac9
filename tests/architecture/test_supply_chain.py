"""What is deployed is pinned, and told: each package with its version, its hashes and its licence."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.repository import ROOT, name_of
from tools.supply import bill, licences
from tools.supply.layout import BILL, DEVELOPMENT, LAYER, LICENCES
from tools.supply.locked import read

CHECKOV = ROOT / "requirements" / "checkov.txt"
LOCKED = (LAYER, DEVELOPMENT, CHECKOV, ROOT / "tools" / "sam_local" / "image-requirements.txt")


@pytest.fixture(scope="module")
def kept() -> Any:
    return json.loads(BILL.read_text())


@pytest.mark.parametrize("path", LOCKED, ids=name_of)
def test_every_requirement_has_an_exact_version_and_hashes(path: Path) -> None:
    assert len(read(path)) > 1


def test_the_development_set_holds_what_is_deployed_in_the_same_versions() -> None:
    development = {(package.name, package.version, package.hashes) for package in read(DEVELOPMENT)}

    assert {(package.name, package.version, package.hashes) for package in read(LAYER)} <= development


def test_the_bill_of_materials_names_what_is_deployed_with_its_hashes(kept: Any) -> None:
    told = {(c["name"], c["version"], tuple(h["content"] for h in c["hashes"])) for c in kept["components"]}

    assert kept["bomFormat"] == "CycloneDX"
    assert told == {(package.name, package.version, package.hashes) for package in read(LAYER)}


def test_the_bill_of_materials_says_when_it_was_made_by_nothing_and_is_made_the_same_again(kept: Any) -> None:
    assert "timestamp" not in kept["metadata"]
    assert bill.text() == BILL.read_text(), "run `make sbom`"


def test_the_page_of_licences_is_what_the_packages_say() -> None:
    assert licences.page() == LICENCES.read_text(), "run `make sbom`"


def test_the_one_licence_of_the_layer_that_asks_for_something_was_looked_at() -> None:
    looked = {one.package.name: one.why for one in licences.of_layer() if one.why}

    assert set(looked) == {"psycopg2-binary"}
    assert licences.unaccepted(licences.of_layer()) == []
