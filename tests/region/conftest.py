"""What the tests of the local region's parts share."""

from pathlib import Path

import pytest

from tools.region.issuer import Issuer


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """Return an issuer with a key of its own."""
    folder: Path = tmp_path_factory.mktemp("issuer")
    return Issuer.with_key("http://127.0.0.1:1", folder / "key.pem")
