"""`python -m tools.browser [--screenshots]`: see that there is a browser, then test the console in it.

With --screenshots it makes the pictures of docs/images/console instead. Other arguments go to pytest.
"""

import os
import subprocess
import sys

from tools.browser.chromium import CannotInstall, install
from tools.browser.lighthouse import judge
from tools.npm import NpmError

ASKED_FOR = "CONSOLE_TEST"
"""Set by this program: without it the tests in a browser are left out, for other machines have none."""


def main() -> int:
    """Run it all; return the exit code."""
    pictures = "--screenshots" in sys.argv[1:]
    try:
        install()
        if not pictures:
            judge.install()
    except (CannotInstall, NpmError, subprocess.TimeoutExpired) as problem:
        print(f"console-test cannot run: {problem}", file=sys.stderr)
        return 1
    if pictures:
        from tools.browser.screenshots import make

        return make()
    command = [sys.executable, "-m", "pytest", "-q", "tests/console", *sys.argv[1:]]
    return subprocess.run(command, check=False, env=os.environ | {ASKED_FOR: "1"}).returncode


if __name__ == "__main__":
    sys.exit(main())
