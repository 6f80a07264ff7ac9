"""The layer holds byte code of each of its modules, which Python 3.13 takes without looking at the file."""

import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from tools import byte_code


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A layer of a module and a package."""
    return layer_at(tmp_path / "built")


def layer_at(built: Path) -> Path:
    package = built / byte_code.LAYER / "python" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("SAID = 'compiled'\n")
    (package.parent / "module.py").write_text("def answer():\n    return 42\n")
    return built


def said_by(built: Path, code: str) -> str:
    path = built / byte_code.LAYER / "python"
    done = subprocess.run([sys.executable, "-c", code], cwd=path, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_every_module_is_compiled(built: Path) -> None:
    assert len(list(byte_code.not_compiled(built))) == 2

    assert byte_code.main([str(built)]) == 0

    assert list(byte_code.not_compiled(built)) == []


def test_it_is_taken_although_the_file_is_younger(built: Path) -> None:
    byte_code.compile_layer(built)
    (built / byte_code.LAYER / "python" / "package" / "__init__.py").write_text("SAID = 'read'\n")

    assert said_by(built, "import package; print(package.SAID)") == "compiled\n"


def test_the_same_files_give_the_same_byte_code(built: Path, tmp_path: Path) -> None:
    other = layer_at(tmp_path / "elsewhere")
    for folder in (built, other):
        byte_code.compile_layer(folder)

    compiled, again = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.pyc")} for folder in (built, other)
    )

    assert compiled == again
    assert len(compiled) == 2


@pytest.mark.parametrize("spoil", ["older file", "another Python", "checked", "missing"])
def test_byte_code_that_is_wrong_is_told(built: Path, spoil: str) -> None:
    byte_code.compile_layer(built)
    source = built / byte_code.LAYER / "python" / "module.py"
    compiled = Path(cache_from_source(source))
    right = compiled.read_bytes()
    if spoil == "older file":
        source.write_text("pass\n")
    elif spoil == "another Python":
        compiled.write_bytes(b"\0" + right[1:])
    elif spoil == "checked":
        compiled.write_bytes(right[:4] + b"\3" + right[5:])
    else:
        shutil.rmtree(compiled.parent)

    assert list(byte_code.not_compiled(built)) == ["SharedLayer/python/module.py"]


def test_a_module_that_cannot_be_compiled_ends_the_build(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (built / byte_code.LAYER / "python" / "broken.py").write_text("def\n")

    assert byte_code.main([str(built)]) == 1
    assert "broken.py" in capsys.readouterr().out
