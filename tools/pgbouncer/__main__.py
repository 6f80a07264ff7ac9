"""`python -m tools.pgbouncer [--suite]`: see that PgBouncer is there, then run the tests that need it.

With --suite all integration tests run, their functions behind it. Other arguments go to pytest.
"""

import os
import shutil
import subprocess
import sys

from tools.pgbouncer.server import program

_APT_SECONDS = 300
_TESTS = "tests/proxy"
ASKED_FOR = "PROXY_TEST"
"""Set by this program: without it the tests of the proxy are left out, for other machines have none."""
_SUITE = "tests/integration"
SUITE_ASKED_FOR = "PROXY_SUITE"
"""Set by this program: the functions of the integration tests connect through a proxy."""


class CannotInstall(RuntimeError):
    """There is no PgBouncer on this machine, and it cannot be had; the text says why."""


def main() -> int:
    """Run it all; return the exit code."""
    try:
        install()
    except (CannotInstall, subprocess.TimeoutExpired) as problem:
        print(f"proxy-test cannot run: {problem}", file=sys.stderr)
        return 1
    arguments = [each for each in sys.argv[1:] if each != "--suite"]
    suite = len(arguments) < len(sys.argv[1:])
    command = [sys.executable, "-m", "pytest", _SUITE if suite else _TESTS, *arguments]
    asked = SUITE_ASKED_FOR if suite else ASKED_FOR
    return subprocess.run(command, check=False, env=os.environ | {asked: "1"}).returncode


def install() -> None:
    """Install PgBouncer where it is missing.

    Raises:
        CannotInstall: It cannot be had here.
    """
    if program():
        return
    if os.geteuid() != 0:
        raise CannotInstall("PgBouncer is not installed, and installing it needs root")
    if not shutil.which("apt-get"):
        raise CannotInstall("PgBouncer is not installed, and there is no apt-get to install it")
    print("installing PgBouncer", flush=True)
    _apt("update", "-qq")
    _apt("install", "-y", "-qq", "--no-install-recommends", "pgbouncer")
    if not program():
        raise CannotInstall("apt-get installed a PgBouncer that is not where it should be")


def _apt(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", *arguments], check=False, capture_output=True, text=True, timeout=_APT_SECONDS, env=environment
    )
    if done.returncode:
        raise CannotInstall(f"apt-get {arguments[0]} failed: {done.stderr.strip()[-300:]}")


if __name__ == "__main__":
    sys.exit(main())
