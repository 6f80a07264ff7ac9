"""Where the scheduler is and who asks: the environment first, then the configuration file of `login`."""

from __future__ import annotations

import os
import shlex
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path

import typer

from cloudphone.cli.codes import NotSignedIn

URL, TOKEN, USER_ID = "CLOUDPHONE_API_URL", "CLOUDPHONE_TOKEN", "CLOUDPHONE_USER_ID"
PROFILE, CONFIG = "CLOUDPHONE_PROFILE", "CLOUDPHONE_CONFIG"


@dataclass(frozen=True)
class Settings:
    """One scheduler and one caller. The token is in no text of it."""

    url: str
    token: str = field(repr=False)
    user_id: str | None = None


def config_file() -> Path:
    """Give the path of the configuration."""
    return Path(os.environ.get(CONFIG) or Path(typer.get_app_dir("cloudphone")) / "config.ini")


def resolve(profile: str, url: str | None, user_id: str | None) -> Settings:
    """Put together options, environment and the profile; raise NotSignedIn when something is missing.

    A token of the file goes to the URL that it was saved with, and to no other.
    """
    kept = _read().get(profile, {})
    token, where = os.environ.get(TOKEN), url or os.environ.get(URL)
    if not token and (where is None or where.rstrip("/") == kept.get("url")):
        token = kept.get("token")
    where = where or kept.get("url")
    if not where or not token:
        missing = "the URL of the scheduler" if not where else f"a token for {where}"
        raise NotSignedIn(f"Who asks whom? I lack {missing}: `cloudphone login`, or set {URL} and {TOKEN}.")
    return Settings(where, token, user_id or os.environ.get(USER_ID) or kept.get("user_id"))


def save(profile: str, settings: Settings) -> Path:
    """Keep a profile in the file, which only its owner may read; in one go, so that no half of it is ever there."""
    kept = _read()
    kept[profile] = {"url": settings.url.rstrip("/"), "token": settings.token}
    if settings.user_id:
        kept[profile]["user_id"] = settings.user_id
    parser = ConfigParser(interpolation=None)
    parser.read_dict(kept)
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        parser.write(stream)
    draft.replace(path)
    return path


def read_env_file(path: Path) -> dict[str, str]:
    """Read shell assignments, as `make up` of the scheduler writes them to .local/env."""
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {name.strip(): "".join(shlex.split(value)) for name, value in pairs}


def _read() -> dict[str, dict[str, str]]:
    path = config_file()
    if not path.exists():
        return {}
    if os.name == "posix" and path.stat().st_mode & 0o077:
        typer.echo(f"{path} holds a token, and others may read it: chmod 600 {path}", err=True)
    parser = ConfigParser(interpolation=None)
    parser.read(path)
    return {name: dict(parser[name]) for name in parser.sections()}
