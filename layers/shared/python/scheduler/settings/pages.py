"""Which pages are served, and where the console lets operators sign in."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from scheduler.settings.reader import ConfigurationError, Reader


@dataclass(frozen=True, slots=True)
class ConsoleLogin:
    """Where operators sign in to the console, by code and PKCE, as which client, and what it asks for."""

    authorize_url: str
    token_url: str
    client_id: str
    scope: str

    @property
    def token_origin(self) -> str:
        """The only place beside its own that the console sends requests to."""
        parts = urlsplit(self.token_url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Which pages are served: the API's documents, and the operations console, with or without a place to sign in."""

    docs: bool
    console: bool
    console_login: ConsoleLogin | None


def read_pages(read: Reader) -> PageSettings:
    """Read what pages need; a ConfigurationError names the variable that is wrong or missing."""
    return PageSettings(
        docs=read.flag("DOCS_ENABLED", default=True),
        console=read.flag("CONSOLE_ENABLED", default=True),
        console_login=_console_login(read),
    )


def _console_login(read: Reader) -> ConsoleLogin | None:
    given = read.url("CONSOLE_AUTHORIZE_URL"), read.url("CONSOLE_TOKEN_URL"), read.text("CONSOLE_CLIENT_ID")
    if not any(given):
        return None
    if not all(given):
        raise ConfigurationError("CONSOLE_AUTHORIZE_URL, CONSOLE_TOKEN_URL, CONSOLE_CLIENT_ID: all of them or none")
    return ConsoleLogin(*given, scope=read.text("CONSOLE_SCOPE", "openid scheduler.operator"))
