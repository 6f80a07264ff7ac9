"""Exit codes, and which failure has which."""

from __future__ import annotations

from enum import IntEnum

from cloudphone import errors


class Code(IntEnum):
    """What a script can tell apart. 2 is a wrong command line; 130 and 143 are interruptions."""

    DONE = 0
    UNFORESEEN = 1
    NO_ANSWER = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    REFUSED = 6
    NO_PHONE = 7
    NOT_ALL_WELL = 8
    LOST = 124
    NOT_RUN = 125
    NOT_EXECUTABLE = 126
    NO_COMMAND = 127


class NotSignedIn(errors.CloudPhoneError):
    """Neither environment nor configuration say where the scheduler is, or who asks."""


class NothingSuch(errors.CloudPhoneError):
    """What was named is not there."""


_KINDS: tuple[tuple[tuple[type[errors.CloudPhoneError], ...], Code], ...] = (
    ((NotSignedIn, errors.Unauthorized, errors.Forbidden), Code.NOT_ALLOWED),
    ((errors.NoAvailableDevices, errors.WaitEnded), Code.NO_PHONE),
    ((NothingSuch,), Code.NOT_FOUND),
)


def code_of(problem: errors.CloudPhoneError) -> Code:
    """Give the exit code of a failure."""
    for kinds, code in _KINDS:
        if isinstance(problem, kinds):
            return code
    if problem.transient:
        return Code.NO_ANSWER
    if isinstance(problem, errors.Refusal):
        if problem.problem.status >= 500:
            return Code.UNFORESEEN
        return Code.NOT_FOUND if problem.problem.status == 404 else Code.REFUSED
    return Code.UNFORESEEN
