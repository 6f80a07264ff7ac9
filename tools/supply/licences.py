"""Under which licence each package is, as its own metadata says, and which of them were not accepted yet."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata

from tools.supply.layout import DEVELOPMENT, LAYER, reviewed
from tools.supply.locked import Locked, read

_HEAD = """# Licences

What the packages say of themselves; `make sbom` writes this page. Accepted are
{accepted}.
Whatever else a package says has to be looked at first, and `make lint` fails until it was; `tools/supply/reviewed.toml`
has what was found.
"""
_RUNTIME = """
## What is deployed
The Lambda layer, and so every function, has these and no others.
"""
_DEVELOPMENT = """
## What only development needs
Tests, tools and the local region. Nothing of this is in an artefact that we give away.
"""
_NOT_HERE = "not installed on this platform"
_SHORT = {
    "0BSD": "0BSD",
    "Apache": "Apache-2.0",
    "Artistic License": "Artistic License",
    "BSD": "BSD",
    "CNRI": "CNRI-Python",
    "GNU Library or Lesser": "LGPL",
    "ISC": "ISC",
    "LGPL": "LGPL",
    "MIT": "MIT",
    "Mozilla": "MPL-2.0",
    "MPL": "MPL-2.0",
    "Python Software": "PSF-2.0",
    "PSF": "PSF-2.0",
}
_OPERATORS = re.compile(r"\s+(?:OR|AND)\s+")


@dataclass(frozen=True)
class Licensed:
    """A package and its licence."""

    package: Locked
    licence: str
    why: str = ""


def of_layer() -> Sequence[Licensed]:
    """List what is deployed."""
    return [_licensed(package) for package in read(LAYER)]


def of_development() -> Sequence[Licensed]:
    """List what is not."""
    deployed = {package.name for package in read(LAYER)}
    return [_licensed(package) for package in read(DEVELOPMENT) if package.name not in deployed]


def unaccepted(packages: Sequence[Licensed]) -> list[str]:
    """Name those whose licence nobody accepted."""
    return [
        f"{one.package.name} {one.package.version}: {one.licence}"
        for one in packages
        if not one.why and not _accepted(one.licence)
    ]


def page() -> str:
    """Write the page."""
    accepted = ", ".join(reviewed()["licences"]["accepted"])
    parts = [_HEAD.format(accepted=accepted), _RUNTIME, _table(of_layer()), _DEVELOPMENT, _table(of_development())]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def spoken(known: PackageMetadata) -> str:
    """Give the licence that a package's metadata tells: the expression, or else its classifiers, or else its text."""
    told: Mapping[str, str] = known  # type: ignore[assignment]  # it has get, which its type hides
    expression = told.get("License-Expression")
    if expression:
        return expression
    classifiers = [c.rsplit(" :: ", 1)[1] for c in known.get_all("Classifier") or [] if c.startswith("License ::")]
    short = sorted({_short(text) for text in classifiers if text != "OSI Approved"})
    own = (told.get("License") or "").strip().split("\n")[0]
    if own in ("", "UNKNOWN") or len(short) == 1:
        return " or ".join(short) or "says nothing"
    return _short(own)


def _licensed(package: Locked) -> Licensed:
    looked = reviewed()["licences"]["packages"].get(package.name)
    try:
        licence = spoken(metadata(package.name))
    except PackageNotFoundError:
        return Licensed(package, _NOT_HERE, _NOT_HERE)
    return Licensed(package, looked["licence"], looked["why"]) if looked else Licensed(package, licence)


def _accepted(licence: str) -> bool:
    return all(part.strip("() ") in reviewed()["licences"]["accepted"] for part in _OPERATORS.split(licence))


def _short(text: str) -> str:
    """Give the identifier of a licence that is told in prose; an exact one stays."""
    if re.fullmatch(r"[A-Za-z0-9]+-[A-Za-z0-9.-]+", text):
        return text
    return next((short for begin, short in _SHORT.items() if begin.lower() in text.lower()), text[:40])


def _table(packages: Sequence[Licensed]) -> str:
    rows = [f"| {p.package.name} | {p.package.version} | {p.licence} | {p.why} |" for p in packages]
    return "\n".join(["| package | version | licence | note |", "| --- | --- | --- | --- |", *rows]) + "\n"
