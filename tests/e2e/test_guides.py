"""Each command of the guides runs as it stands there, page by page, in one shell a page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECONDS = 120
FAILING_CURL = 'curl() { command curl --fail-with-body "$@"; }\n'
"""A refusal is a failure too."""


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_commands_of_a_guide_run_in_its_order(guide: Path, region: dict[str, str], tmp_path: Path) -> None:
    blocks = BLOCK.findall(guide.read_text(encoding="utf-8"))
    assert blocks
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    ran = subprocess.run(
        ["bash", "-euxo", "pipefail"],
        input=FAILING_CURL + "".join(blocks),
        cwd=tmp_path,
        env={**os.environ, **region, "PATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
