"""Moves the database's clock, so that hours pass without waiting."""

from tools.embedded.clock import Clock

__all__ = ["Clock"]
