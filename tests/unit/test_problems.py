"""A refusal is a problem document: the same members always, more where the refusal has more to say."""

import json

import pytest

from scheduler.domain.errors import NoAvailableDevices, QuotaExceeded, SchedulerError, Unavailable, ValidationFailed
from scheduler.edge.problems import problem_answer, problem_document, problem_headers

PATH = "/scheduler/devices/allocate"


def test_a_problem_document_has_the_members_of_rfc_9457_and_ours():
    assert problem_document(NoAvailableDevices(), PATH) == {
        "type": "urn:problem:scheduler:no_available_devices",
        "title": "Conflict",
        "status": 409,
        "detail": "No device that fits is free.",
        "instance": PATH,
        "success": False,
        "code": "no_available_devices",
        "retryable": True,
    }


def test_a_refusal_adds_its_own_members():
    document = problem_document(QuotaExceeded("Max: 10", members={"remainingDevices": 0}), PATH)

    assert (document["detail"], document["remainingDevices"]) == ("Max: 10", 0)


def test_fields_at_fault_are_listed():
    errors = [{"field": "userId", "detail": "Field required"}]

    assert problem_document(ValidationFailed(members={"errors": errors}), PATH)["errors"] == errors


@pytest.mark.parametrize(("seconds", "headers"), [(None, {}), (0, {"Retry-After": "0"}), (15, {"Retry-After": "15"})])
def test_retry_after_is_sent_where_the_time_is_known(seconds, headers):
    assert problem_headers(Unavailable(retry_after_seconds=seconds)) == headers


def test_a_whole_answer_is_what_api_gateway_expects():
    answer = problem_answer(Unavailable(retry_after_seconds=2), PATH)

    assert (answer["statusCode"], answer["isBase64Encoded"]) == (503, False)
    assert answer["headers"] == {"Content-Type": "application/problem+json", "Retry-After": "2"}
    assert json.loads(answer["body"])["code"] == "unavailable"


def test_a_failure_of_ours_tells_nothing_about_its_cause():
    error = SchedulerError()
    error.__cause__ = RuntimeError("host db-1.internal refused user scheduler")

    assert problem_document(error, PATH)["detail"] == "Something went wrong."


def test_an_error_without_a_text_has_its_class_to_speak_for_it():
    assert str(NoAvailableDevices()) == NoAvailableDevices.__doc__


def test_members_of_one_error_are_not_those_of_the_next():
    given = {"remainingDevices": 1}
    first = QuotaExceeded(members=given)
    given["remainingDevices"] = 2

    assert (first.members, QuotaExceeded().members) == ({"remainingDevices": 1}, {})
