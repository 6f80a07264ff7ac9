"""The docker engine: use the one that answers, else install and run one for as long as it is needed."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_SECONDS = 60
_SERVICE_SECONDS = 10
_STOP_SECONDS = 30
_POLL_SECONDS = 0.5


class EngineError(RuntimeError):
    """No docker engine can be had on this machine; the text says why."""


@contextmanager
def docker_engine(log: Path) -> Iterator[None]:
    """Have an engine that answers during the block; stop it afterwards only if it was started here.

    Raises:
        EngineError: None answers, and none can be installed or started.
    """
    if _answers() or _installed_as_service():
        yield
        return
    with log.open("wb") as out:
        # A session of its own: Ctrl-C must reach this program first, which still needs the engine to tidy up.
        daemon = subprocess.Popen(["dockerd"], stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _wait_for(daemon, log)
        yield
    finally:
        daemon.terminate()
        try:
            daemon.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()


def host_address(image: str) -> str:
    """Return the IPv4 address under which containers reach this machine: the engine's bridge has it."""
    # Engines differ in what they tell about their bridge; the hosts file of a container is the same on all.
    hosts = _docker("run", "--rm", "--add-host=engine:host-gateway", "--entrypoint", "cat", image, "/etc/hosts")
    for line in hosts.splitlines():
        address, _, names = line.partition("\t")
        if names == "engine" and ":" not in address:
            _check_own(address)
            return address
    raise EngineError("the docker engine does not tell its containers where its host is")


def remove_container(container: str) -> None:
    """Remove a container that may still run; harmless when it is gone."""
    subprocess.run(["docker", "rm", "--force", container], check=False, capture_output=True, timeout=30)


def _answers() -> bool:
    try:
        asked = subprocess.run(["docker", "info"], check=False, capture_output=True, timeout=20)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def _installed_as_service() -> bool:
    """Install the engine when it is missing; tell whether the system then runs it by itself."""
    if os.geteuid() != 0:
        raise EngineError("no docker engine answers this user, and installing or starting one needs root")
    if shutil.which("dockerd") and shutil.which("docker"):
        return False
    if not shutil.which("apt-get"):
        raise EngineError("no docker engine is installed, and there is no apt-get to install one")
    print("installing the docker engine", flush=True)
    _apt("apt-get", "update", "-qq")
    # Newer releases keep the client in a package of its own.
    client = ["docker-cli"] if "docker-cli" in _apt("apt-cache", "pkgnames", "docker-cli").split() else []
    _apt("apt-get", "install", "-y", "-qq", "--no-install-recommends", "docker.io", *client)
    return Path("/run/systemd/system").exists() and _within(_SERVICE_SECONDS)


def _apt(*command: str) -> str:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)
    if done.returncode:
        raise EngineError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def _check_own(address: str) -> None:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError as foreign:
            raise EngineError(
                f"containers see this machine as {address}, which it is not: use an engine on it"
            ) from foreign


def _wait_for(daemon: subprocess.Popen[bytes], log: Path) -> None:
    print("starting a docker engine", flush=True)
    if not _within(_START_SECONDS, daemon):
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        raise EngineError(f"the docker engine did not start; its log {log} ends with:\n{tail}")


def _within(seconds: float, daemon: subprocess.Popen[bytes] | None = None) -> bool:
    """Tell whether an engine answers in time; a daemon that ended will not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (daemon is None or daemon.poll() is None):
        if _answers():
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise EngineError(f"docker {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
