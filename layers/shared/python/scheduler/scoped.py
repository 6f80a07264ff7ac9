"""A value of one request, which holds for a block of code."""

from contextvars import ContextVar, Token


class Scoped[T]:
    """Sets a variable while it is entered. Each request enters several: a generator would cost ten times as much."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[T], value: T) -> None:
        """Set it to the value, once entered."""
        self._variable, self._value = variable, value
        self._token: Token[T] | None = None

    def __enter__(self) -> None:
        """Set it."""
        self._token = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        """Make it again what it was before."""
        if self._token is not None:
            self._variable.reset(self._token)
