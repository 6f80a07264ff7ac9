"""Reads single variables strictly."""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum


class ConfigurationError(Exception):
    """A variable has a value that cannot be used."""


class Reader:
    """Reads the documented variables of one environment.

    Each method gives the default where a variable is missing or empty.

    Raises:
        ConfigurationError: The value cannot be used; the text names the variable, never its value.
    """

    def __init__(self, environment: Mapping[str, str], documented: Collection[str]) -> None:
        """Take the environment, and the names that may be read."""
        self._environment = environment
        self._documented = documented

    def text(self, name: str, default: str = "") -> str:
        """Read words, without blanks around them."""
        assert name in self._documented, f"{name} is not documented"  # noqa: S101
        return self._environment.get(name, "").strip() or default

    def names(self, name: str) -> frozenset[str]:
        """Read names that commas separate."""
        return frozenset(part.strip() for part in self.text(name).split(",") if part.strip())

    def flag(self, name: str, *, default: bool) -> bool:
        """Read true or false, and nothing like it."""
        text = self.text(name, str(default)).lower()
        if text not in {"true", "false"}:
            raise ConfigurationError(f"{name} must be true or false")
        return text == "true"

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Read a number within bounds."""
        try:
            value = float(self.text(name, str(default)))
        except ValueError as error:
            raise ConfigurationError(f"{name} must be a number") from error
        if not least <= value <= most:
            raise ConfigurationError(f"{name} must be {least} to {most}")
        return value

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """Read a whole number within bounds."""
        value = self.number(name, default, least, most)
        if value != int(value):
            raise ConfigurationError(f"{name} must be a whole number")
        return int(value)

    def factors(self, name: str) -> dict[str, float]:
        """Read plan=factor pairs that commas separate."""
        found = re.findall(r"(?:^|,)\s*([\w.-]+)\s*=\s*([0-9]+(?:\.[0-9]+)?)\s*(?=,|$)", self.text(name))
        if len(found) != len(self.names(name)) or not all(0 < float(factor) <= 1000 for _, factor in found):
            raise ConfigurationError(
                f"{name} must be plan=factor, separated by commas, each factor above 0 and up to 1000"
            )
        return {plan: float(factor) for plan, factor in found}

    def pairs(self, name: str) -> dict[str, tuple[str, str]]:
        """Read name=value,value entries that blanks separate."""
        found = [re.fullmatch(r"(\w+)=([^,=\s]+),([^,=\s]+)", entry) for entry in self.text(name).split()]
        if not all(found):
            raise ConfigurationError(f"{name} must be name=value,value, separated by blanks")
        return {entry[1]: (entry[2], entry[3]) for entry in found if entry}

    def targets(self, name: str) -> tuple[str, ...]:
        """Read host:port pairs that commas separate."""
        found = tuple(part.strip().lower() for part in self.text(name).split(",") if part.strip())
        if not all(re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+):[0-9]{1,5}", target) for target in found):
            raise ConfigurationError(f"{name} must be host:port, separated by commas")
        return found

    def url(self, name: str) -> str:
        """Read a URL by https, or by http on this machine, of characters that are safe in a header and a page."""
        found = self.text(name)
        secure = r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?"
        local = r"http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?"
        if found and not re.fullmatch(rf"({secure}|{local})(/[A-Za-z0-9._~%!$&()*+,=:@/?-]*)?", found):
            raise ConfigurationError(f"{name} must be a URL by https")
        return found

    def one_of[Choice: StrEnum](self, choices: type[Choice], name: str, default: Choice) -> Choice:
        """Read one of some words."""
        try:
            return choices(self.text(name, default))
        except ValueError as error:
            raise ConfigurationError(f"{name} must be one of {', '.join(choices)}") from error
