"""Where the local region keeps its things. Everything lies under one folder of the checkout."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AWS_REGION = "eu-central-1"
STACK = "cloud-phone-scheduler"


@dataclass(frozen=True)
class Layout:
    """The folder of one region; REGION_HOME names another one, so that tests do not meet a developer's region."""

    home: Path

    @classmethod
    def here(cls) -> "Layout":
        """Return the layout of this checkout, its folders made."""
        layout = cls(Path(os.environ.get("REGION_HOME") or ROOT / ".local").resolve())
        for folder in (layout.home, layout.logs, layout.scratch, layout.build):
            folder.mkdir(parents=True, exist_ok=True)
        return layout

    @property
    def environment(self) -> Path:
        """Shell variables for whoever calls the region: URL, tokens, ids."""
        return self.home / "env"

    @property
    def state(self) -> Path:
        """Which processes belong to the region."""
        return self.home / "region.json"

    @property
    def lock(self) -> Path:
        """Held while the region starts or stops."""
        return self.home / "region.lock"

    @property
    def signing_key(self) -> Path:
        """Private key of the token issuer."""
        return self.home / "issuer-key.pem"

    @property
    def front(self) -> Path:
        """What the front must know: ports, routes."""
        return self.home / "front.json"

    @property
    def requests(self) -> Path:
        """One line for each request."""
        return self.logs / "requests.log"

    @property
    def logs(self) -> Path:
        """Logs of all processes."""
        return self.home / "logs"

    @property
    def scratch(self) -> Path:
        """Temporary files of the emulated cloud; emptied at each start."""
        return self.home / "scratch"

    @property
    def build(self) -> Path:
        """The built layer; kept between starts."""
        return self.home / "build"
