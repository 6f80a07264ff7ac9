"""Chromium and what drives it: found, or installed where that can be."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCKED = ROOT / "requirements" / "browser.txt"
PACKAGES = ("chromium", "fonts-noto-cjk")
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--remote-debugging-port=0",
)
"""The debugger, on a free port of this machine, lets programs beside Playwright look at a page."""
_APT_SECONDS = 600


class CannotInstall(RuntimeError):
    """There is no browser on this machine, and it cannot be had; the text says why."""


def program() -> str | None:
    """Give the path of Chromium; None: there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def install() -> None:
    """Install Chromium where it is missing, and Playwright's locked requirements into .venv.

    Raises:
        CannotInstall: One of them cannot be had here.
    """
    if not program():
        _install_chromium()
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "install", "-q", "--python", sys.executable, "--require-hashes", "-r", str(LOCKED)]
    if subprocess.run(command, check=False).returncode:
        raise CannotInstall("the packages of requirements/browser.txt could not be installed. Is there a network?")


@contextmanager
def browsing(folder: Path) -> Iterator[Any]:
    """Yield a browser context that keeps what it knows in a folder, which was empty."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(folder), executable_path=program(), args=list(ARGUMENTS), headless=True, locale="en-GB"
        )
        try:
            yield context
        finally:
            context.close()


def debugger_of(folder: Path) -> str:
    """Give the address of the debugger of the browser that runs on a folder."""
    port, _ = (folder / "DevToolsActivePort").read_text().split()
    return f"http://127.0.0.1:{port}"


def _install_chromium() -> None:
    if os.geteuid() != 0:
        raise CannotInstall("Chromium is not installed, and installing it needs root")
    if not shutil.which("apt-get"):
        raise CannotInstall("Chromium is not installed, and there is no apt-get to install it")
    print("installing Chromium", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(
            ["apt-get", *arguments], env=environment, check=False, timeout=_APT_SECONDS, capture_output=True, text=True
        )
        if done.returncode:
            raise CannotInstall(f"apt-get {arguments[0]} failed: {done.stderr.strip()[-300:]}")
    if not program():
        raise CannotInstall("apt-get installed a Chromium that is not where it should be")
