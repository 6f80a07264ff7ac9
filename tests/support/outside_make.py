"""The environment of a command that is run as by hand, although make runs the tests."""

import os

OF_MAKE = {"ARGS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
"""What make hands down: with it a make within a test would say where it is, and take the arguments of the tests."""


def outside_make() -> dict[str, str]:
    """Give this process's environment without what make put there."""
    return {name: value for name, value in os.environ.items() if name not in OF_MAKE}
