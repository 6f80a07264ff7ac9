"""The release before this one, out of git: its code in a folder of its own, run by this checkout's Python.

Which one that is, git alone tells: the newest commit before the one that gave pyproject.toml its version of now.
"""

import io
import os
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_VERSIONED = "pyproject.toml"


@dataclass(frozen=True)
class Release:
    """One state of the repository, and the version that it declares."""

    commit: str
    version: str


class NoHistory(Exception):
    """Git does not know the release before; the text says why."""


def version_now(root: Path = ROOT) -> str:
    """Read the version of the files as they are."""
    return _version((root / _VERSIONED).read_text())


def release_before(root: Path = ROOT) -> Release:
    """Find the newest commit that HEAD comes from whose version is another than that of now.

    Raises:
        NoHistory: There is no git, the clone is shallow, or there was no other version yet.
    """
    now = version_now(root)
    newer = None
    for commit in _git(root, "log", "--format=%H", "--", _VERSIONED).split():
        version = _version(_git(root, "show", f"{commit}:{_VERSIONED}"))
        if version != now:
            # It had that version until the next change of the file.
            return Release(_git(root, "rev-parse", f"{newer}^" if newer else "HEAD").strip(), version)
        newer = commit
    if _git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        raise NoHistory("this clone is shallow: git fetch --unshallow")
    raise NoHistory(f"no commit before {now} declares another version")


def unpack(release: Release, folder: Path, root: Path = ROOT) -> Path:
    """Write the files of a release into a folder, and give it."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", release.commit], cwd=root, capture_output=True, check=True, timeout=60
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def python_of(code: Path) -> dict[str, str]:
    """Give the environment in which Python runs that code, and finds the modules of this folder."""
    path = [str(code / "layers/shared/python"), str(code), str(Path(__file__).parent)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return kept | {"PYTHONPATH": os.pathsep.join(path), "NEWER_ROOT": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def run_tests(code: Path, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run tests of that code on databases of this checkout's schema."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "newer_schema", "-p", "no:cacheprovider", *arguments],
        cwd=code,
        env=python_of(code),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def _version(text: str) -> str:
    return str(tomllib.loads(text)["project"]["version"])


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        raise NoHistory("there is no git here") from None
    if done.returncode:
        raise NoHistory(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
