"""What is built stays small, and whatever is not is told."""

from pathlib import Path

import pytest

from tools import artefacts, byte_code
from tools.region import template


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A build in which all is small."""
    for name in ("SharedLayer", *template.functions(template.load())):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text("pass\n")
    byte_code.compile_layer(tmp_path)
    return tmp_path


def test_a_small_build_passes(built: Path) -> None:
    assert artefacts.main([str(built)]) == 0


def test_a_layer_that_grew_is_told(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (built / "SharedLayer" / "large.so").open("wb") as file:
        file.truncate(artefacts.LAYER_MB * 1024 * 1024)

    assert artefacts.main([str(built)]) == 1
    assert "SharedLayer has 40.0 MB" in capsys.readouterr().err


def test_a_function_that_was_not_built_is_told(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (built / "RelayFunction" / "app.py").unlink()
    (built / "RelayFunction").rmdir()

    assert artefacts.main([str(built)]) == 1
    assert "RelayFunction was not built" in capsys.readouterr().err


def test_a_layer_that_is_not_compiled_is_told(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (built / "SharedLayer" / "late.py").write_text("pass\n")

    assert artefacts.main([str(built)]) == 1
    assert "SharedLayer/late.py has no byte code" in capsys.readouterr().err
