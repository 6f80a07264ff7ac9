"""The scans of the supply chain see what they are for."""

from email.message import Message
from pathlib import Path

import pytest

from tools.supply import licences, secrets, unsafe_code
from tools.supply.locked import Locked, NotLocked, read

HASH = "--hash=sha256:" + "a1" * 32
POSTGRES = "layers/shared/python/scheduler/adapters/postgres"


def planted(tmp_path: Path, name: str, text: str) -> Path:
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        pytest.param("tools/x.py", "eval(input())\n", "B307", id="code from outside is run"),
        pytest.param("tools/x.py", "import subprocess\nsubprocess.run('ls', shell=True)\n", "B602", id="a shell"),
        pytest.param("functions/x/app.py", "import subprocess\n", "B404", id="a program is started in a function"),
        pytest.param(f"{POSTGRES}/x.py", 'f"SELECT a FROM t WHERE b = {asked}"\n', "asked", id="SQL made of input"),
    ],
)
def test_unsafe_code_is_found(tmp_path: Path, name: str, text: str, rule: str) -> None:
    found = unsafe_code.findings(planted(tmp_path, name, text), [name.split("/", maxsplit=1)[0]])

    assert any(rule in line for line in found)


def test_sql_composed_of_constants_is_no_finding(tmp_path: Path) -> None:
    root = planted(tmp_path, f"{POSTGRES}/x.py", 'f"SELECT {_COLUMNS} FROM t WHERE b = %(b)s"\n')

    assert unsafe_code.findings(root, ["layers"]) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param('KEY = "AKIA' + "IOSFODNN7EXAMPLK" + '"\n', "AWS Access Key", id="a key of AWS"),
        pytest.param("-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\n", "Private Key", id="a private key"),
        pytest.param('URL = "redis://u:' + 'correct-horse@cache/0"\n', "Basic Auth", id="a password in a URL"),
        pytest.param('pass' + 'word = "correct-horse-battery"\n', "Secret Keyword", id="a password by its name"),
    ],
)  # fmt: skip
def test_a_secret_is_found(tmp_path: Path, text: str, kind: str) -> None:
    found = secrets.findings(planted(tmp_path, "tools/x.py", text))

    assert any(kind in line for line in found)


def test_a_licence_that_nobody_accepted_is_found() -> None:
    package = Locked("x", "1", ("a",))
    said = ["MIT", "GPL-3.0-only", "Apache-2.0 OR GPL-3.0-only", "(MIT OR Apache-2.0) AND ISC"]

    found = licences.unaccepted([licences.Licensed(package, licence) for licence in said])

    assert found == ["x 1: GPL-3.0-only", "x 1: Apache-2.0 OR GPL-3.0-only"]


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        pytest.param([("License-Expression", "MIT OR Apache-2.0")], "MIT OR Apache-2.0", id="an expression"),
        pytest.param([("Classifier", "License :: OSI Approved :: BSD License")], "BSD", id="a classifier"),
        pytest.param([("License", "Apache License, Version 2.0")], "Apache-2.0", id="prose"),
        pytest.param([("License", "UNKNOWN")], "says nothing", id="nothing"),
        pytest.param([("Classifier", "License :: OSI Approved :: GNU Affero GPL")], "GNU Affero GPL", id="another"),
    ],
)
def test_a_licence_is_read_from_what_a_package_says(fields: list[tuple[str, str]], licence: str) -> None:
    told = Message()
    for name, value in fields:
        told[name] = value

    assert licences.spoken(told) == licence  # type: ignore[arg-type]


def test_a_locked_requirement_has_version_marker_and_hashes(tmp_path: Path) -> None:
    file = tmp_path / "r.txt"
    file.write_text(f"Some_Thing[extra]==1.2 ; sys_platform == 'win32' \\\n    {HASH}\n")

    assert read(file) == [Locked("some-thing", "1.2", ("a1" * 32,), "sys_platform == 'win32'")]


@pytest.mark.parametrize("line", ["x==1.0", f"x>=1.0 {HASH}", f"x {HASH}", "-e .", "https://example.com/x.whl"])
def test_a_requirement_that_leaves_anything_open_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "r.txt"
    file.write_text(line + "\n")

    with pytest.raises(NotLocked):
        read(file)
