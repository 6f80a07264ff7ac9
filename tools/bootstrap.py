"""Make .venv: find (or fetch) Python 3.13 and install the locked requirements. Any Python from 3.9 runs this file.

A second call compares one stamp and returns at once.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".ready"
LOCKED = ROOT / "requirements" / "dev.txt"
WANTED = "3.13"


class SetupError(Exception):
    """What the user has to know, in plain words."""


def main() -> int:
    """Make or keep the virtual environment; return the exit code."""
    wanted_stamp = f"{VENV}\n{hashlib.sha256(LOCKED.read_bytes()).hexdigest()}\n"
    if is_ready(wanted_stamp):
        return 0
    started = time.monotonic()
    try:
        if not (works(VENV / "bin" / "python") and stamp_names_this_place()):
            make_venv()
        install()
    except SetupError as problem:
        print(f"\nsetup failed: {problem}", file=sys.stderr)
        return 1
    STAMP.write_text(wanted_stamp)
    say(f"ready in {time.monotonic() - started:.0f} s")
    return 0


def is_ready(wanted_stamp: str) -> bool:
    """Tell whether .venv was made here, from these requirements, and its interpreter is still there."""
    return STAMP.exists() and STAMP.read_text() == wanted_stamp and (VENV / "bin" / "python").exists()


def stamp_names_this_place() -> bool:
    """Tell whether .venv was made at this path: its scripts hold absolute paths, so a moved one is of no use."""
    return STAMP.exists() and STAMP.read_text().splitlines()[:1] == [str(VENV)]


def make_venv() -> None:
    """Make a fresh .venv, replacing whatever is there."""
    shutil.rmtree(VENV, ignore_errors=True)
    python = find_python()
    if python:
        say(f"making .venv with {python}")
        if run([python, "-m", "venv", str(VENV)]):
            return
        shutil.rmtree(VENV, ignore_errors=True)  # a distribution's Python without its venv module
    say(f"no usable Python {WANTED} here: fetching one with uv")
    uv = uv_outside_venv()
    if not run([uv, "venv", "-q", "--seed", "--python", WANTED, str(VENV)], show=True):
        raise SetupError(
            f"no Python {WANTED} on this machine, and none could be fetched. Is there a network? "
            f"Install Python {WANTED} and call make again."
        )


def find_python() -> str | None:
    """Return a Python 3.13 that runs; a version manager's shim on PATH may exist and refuse to."""
    name = "python" + WANTED
    home = os.path.expanduser("~")
    candidates = [getattr(sys, "_base_executable", None), sys.executable, shutil.which(name)]
    for pattern in (
        os.environ.get("PYENV_ROOT", home + "/.pyenv") + "/versions/" + WANTED + "*/bin/" + name,
        home + "/.local/share/uv/python/*" + WANTED + "*/bin/" + name,
        home + "/.asdf/installs/python/" + WANTED + "*/bin/" + name,
        "/usr/local/bin/" + name,
        "/usr/bin/" + name,
        "/opt/*/bin/" + name,
        "/opt/*/*/bin/" + name,
        "/Library/Frameworks/Python.framework/Versions/" + WANTED + "/bin/" + name,
    ):
        candidates += sorted(glob.glob(pattern))
    return next((path for path in candidates if path and works(Path(path))), None)


def works(python: Path) -> bool:
    """Tell whether this interpreter starts and is the wanted version."""
    probe = "import sys, ssl, ctypes; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([str(python), "-I", "-c", probe], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.stdout.strip() == WANTED


def uv_outside_venv() -> str:
    """Return a uv installed with this Python, for machines without Python 3.13."""
    place = ROOT / ".local" / "uv"
    if not (place / "bin" / "uv").exists():
        if not run([sys.executable, "-m", "venv", str(place)]):
            raise SetupError(
                "this Python has no venv module: install it (on Debian: python3-venv) and call make again."
            )
        install_uv(place / "bin" / "python")
    return str(place / "bin" / "uv")


def install_uv(python: Path) -> bool:
    """Install the locked uv with pip; False when that fails (pip alone can do the work, slower)."""
    lock = VENV.parent / ".local" / "uv-requirement.txt"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(locked_entry("uv"))
    return run(
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
    )


def locked_entry(package: str) -> str:
    """Return the lines of one package, hashes included, from the locked requirements."""
    lines: list[str] = []
    for line in LOCKED.read_text().splitlines():
        if line.startswith(package + "==") or (lines and line.startswith(" ")):
            lines.append(line)
        elif lines:
            break
    return "\n".join(lines) + "\n"


def install() -> None:
    """Bring .venv to exactly the locked requirements, by uv when it can be had, else by pip."""
    python = VENV / "bin" / "python"
    say("installing the locked requirements")
    uv = VENV / "bin" / "uv"
    if uv.exists() or install_uv(python):
        if run([str(uv), "pip", "install", "-q", "--python", str(python), "--require-hashes", "-r", str(LOCKED)]):
            return
        say("uv could not; trying pip, which knows this machine's package index settings (slower)")
    if not run(
        [
            str(python),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            str(LOCKED),
        ],
        show=True,
    ):
        raise SetupError("the packages of requirements/dev.txt could not be installed. Is there a network?")


def run(command: list[str], show: bool = False) -> bool:
    """Run a program to its end; its output appears only when asked for. True means it succeeded."""
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}
    try:
        return subprocess.run(command, env=environment, capture_output=not show, check=False).returncode == 0
    except OSError:
        return False


def say(text: str) -> None:
    """Tell the user what happens."""
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
