"""Postgres refuses to run as root, so as root it runs as an OS user of its own."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

OS_USER = "embedded_postgres"


def unprivileged_user() -> str | None:
    """Return the OS user for the servers, adding it when needed; None when this process is not root."""
    if os.geteuid() != 0:
        return None
    if not _exists(OS_USER):
        # Two test processes may add it at once: who comes second fails, and finds it there.
        subprocess.run(["useradd", "--shell", "/bin/sh", OS_USER], check=False, capture_output=True)
        if not _exists(OS_USER):
            raise OSError(f"cannot add the OS user {OS_USER}, under which Postgres runs when started by root")
    return OS_USER


def _exists(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def let_others_reach(path: Path) -> None:
    """Let other OS users pass through the folders above `path` (search only: they cannot list them)."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def let_others_read(tree: Path) -> None:
    """Let other OS users read a tree of programs that a strict umask may have closed to them."""
    let_others_reach(tree)
    for entry in [tree, *tree.rglob("*")]:
        if entry.is_symlink():
            continue
        mode = stat.S_IMODE(entry.stat().st_mode)
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            entry.chmod(wanted)
