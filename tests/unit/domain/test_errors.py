"""A refusal says what it is, in words of its own or those it is given."""

import gc
from collections.abc import Callable, Iterator

import pytest

from scheduler.domain.errors import NoAvailableDevices, QuotaExceeded, SchedulerError

type Define = Callable[..., type[SchedulerError]]


@pytest.fixture
def define() -> Iterator[Define]:
    """Define errors that are gone after the test: others count all there are."""

    def subclass(name: str, text: str | None = None, **words: bool) -> type[SchedulerError]:
        return type(SchedulerError)(name, (SchedulerError,), {"__doc__": text}, **words)

    yield subclass
    gc.collect()


def test_a_code_is_the_name_of_the_class_in_snake_case(define: Define) -> None:
    assert define("TooManyAtOnce").code == "too_many_at_once"
    assert (NoAvailableDevices.code, SchedulerError.code) == ("no_available_devices", "internal_error")


def test_a_class_says_whether_a_retry_can_help(define: Define) -> None:
    assert [define("Passing", retryable=True).retryable, define("Lasting").retryable] == [True, False]
    assert [NoAvailableDevices.retryable, QuotaExceeded.retryable] == [True, False]


def test_an_error_by_itself_says_what_its_class_does() -> None:
    error = QuotaExceeded()

    assert (error.detail, str(error)) == ("The quota allows no further device.",) * 2
    assert (error.retry_after_seconds, error.members) == (None, {})


def test_an_error_says_what_it_is_given() -> None:
    error = QuotaExceeded("Max: 1", retry_after_seconds=15, members={"remainingDevices": 0})

    assert (error.detail, str(error)) == ("Max: 1",) * 2
    assert (error.retry_after_seconds, error.members) == (15, {"remainingDevices": 0})


def test_the_text_of_a_class_has_no_space_around_it(define: Define) -> None:
    assert define("Spacious", "\n  Much space.\n  ")().detail == "Much space."


def test_an_error_without_any_text_says_nothing(define: Define) -> None:
    assert define("Silent")().detail == ""
