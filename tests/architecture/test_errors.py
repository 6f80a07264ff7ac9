"""Every error has a status, a code of its own, a text, and says whether a retry can help."""

import inspect
from typing import Any

import pytest

from scheduler.domain import errors
from scheduler.domain.errors import SchedulerError
from scheduler.domain.outcome import _REFUSALS
from scheduler.edge.problems import PROBLEMS, problem_document

ERRORS = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, SchedulerError)]
RETRYABLE = {
    "no_available_devices",
    "user_busy",
    "rate_limited",
    "request_in_progress",
    "quota_service_unavailable",
    "billing_service_unavailable",
    "unavailable",
}
FACTS: dict[str, Any] = {
    "reason": "why",
    "remainingDevices": 0,
    "ids": ["phone-1"],
    "rule": "reservation",
    "remainingRenewals": 1,
    "maxAdditionalMinutes": 30,
    "nextRenewalAt": None,
    "retryAfterSeconds": None,
    "conflicts": [],
    "nextWindows": [],
    "detail": "why",
    "what": "allocations",
    "whose": "tenant",
    "cap": 2,
}
"""All that the facts of a refusal may hold."""


def everything_below(error: type[SchedulerError]) -> set[type[SchedulerError]]:
    return {error}.union(*(everything_below(child) for child in error.__subclasses__()))


def test_every_error_has_a_status_and_every_status_an_error() -> None:
    assert set(PROBLEMS) == everything_below(SchedulerError) == set(ERRORS)


@pytest.mark.parametrize("error", ERRORS)
def test_a_failure_of_ours_is_5xx_and_a_refusal_4xx(error: type[SchedulerError]) -> None:
    ours = error is SchedulerError or error.code.endswith("unavailable")

    assert (PROBLEMS[error] >= 500) == ours


def test_codes_are_unique_but_for_a_code_that_comes_with_two_statuses() -> None:
    shared = [e for e in ERRORS if any(e.code == parent.__dict__.get("code") for parent in e.__mro__[1:])]

    assert len({error.code for error in ERRORS}) == len(ERRORS) - len(shared)
    assert len({(error.code, PROBLEMS[error]) for error in ERRORS}) == len(ERRORS)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_tells_the_caller_something_by_itself(error: type[SchedulerError]) -> None:
    text = inspect.cleandoc(error.__dict__["__doc__"] or "")

    assert text.endswith(".")
    assert problem_document(error(), "/x")["detail"] == text


def test_retryable_are_the_errors_that_pass_by_themselves() -> None:
    assert {error.code for error in ERRORS if error.retryable} == RETRYABLE


@pytest.mark.parametrize("outcome", _REFUSALS)
def test_every_refusing_outcome_of_the_database_is_an_error_with_a_status(outcome: str) -> None:
    refusal = _REFUSALS[outcome](FACTS | {"outcome": outcome})

    assert type(refusal) in PROBLEMS
