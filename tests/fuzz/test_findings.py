"""What a fuzz finds: each thing that it looks for is found when it is there, and nothing else is."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.fuzz import report
from tests.fuzz.attack import Attack
from tests.fuzz.findings import Answered, Finding, Noise, grown, untried, wrong
from tests.fuzz.mutations import MUTATIONS, mutated, places
from tests.fuzz.requests import Composer, Known, Request
from tests.fuzz.shapes import Shapes

MEGABYTE = 2**20
GOOD = {"userId": "alice", "durationMinutes": 30, "preferredSpecs": {"minCpu": 2}}
LATER = 1000.0


def request(operation: str = "POST /scheduler/devices/allocate") -> Request:
    headers = (("Content-Type", b"application/json"), ("X", b"it's \xff"))
    return Request(operation, "as_it_is", "POST", "/scheduler/devices/allocate?a=%27", headers, b"{}", "USER_TOKEN")


def answered(status: int = 200, body: str = "{}", seconds: float = 0.1) -> Answered:
    return Answered(request(), status, body, LATER, seconds)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(answered(500), "server error", id="a server error"),
        pytest.param(answered(503, '{"message": "Service Unavailable"}'), "server error", id="the gateway's own"),
        pytest.param(answered(0, "TimeoutError"), "no answer", id="no answer"),
        pytest.param(answered(seconds=2.1), "slow", id="a slow one"),
        pytest.param(answered(422, "Traceback (most recent call last)"), "trace", id="a traceback"),
        pytest.param(answered(422, json.dumps({"detail": 'File "/x/app.py", line 3'})), "trace", id="a place in code"),
        pytest.param(answered(409, "psycopg2.errors.UniqueViolation"), "trace", id="a driver's error"),
        pytest.param(answered(400, "SELECT id FROM devices"), "trace", id="SQL"),
        pytest.param(answered(422, "<Caller object at 0x7f2382fd8ee0>"), "trace", id="an object"),
    ],
)
def test_a_wrong_answer_is_found(answer: Answered, kind: str) -> None:
    found = wrong(answer)

    assert found is not None
    assert (found.kind, found.request) == (kind, answer.request)


@pytest.mark.parametrize(
    "answer", [answered(), answered(422, '{"code": "validation_failed"}'), answered(429), answered(404, seconds=1.9)]
)
def test_a_right_answer_is_no_finding(answer: Answered) -> None:
    assert wrong(answer) is None


@pytest.mark.parametrize(
    ("noise", "found"),
    [
        pytest.param(Noise(LATER + 1, 2.0), False, id="the machine was slow as well"),
        pytest.param(Noise(LATER - 10, 2.0), True, id="it was slow before"),
        pytest.param(Noise(LATER + 1, 0.1), True, id="it was not"),
    ],
)
def test_a_slow_answer_of_a_slow_machine_is_no_finding(noise: Noise, found: bool) -> None:
    assert (wrong(answered(seconds=3.0), [noise]) is not None) == found


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        pytest.param([60 + n / 10 for n in range(200)], 2, id="it grows all the time"),
        pytest.param([60 + min(n, 60) / 5 for n in range(200)], 0, id="it warmed up"),
        pytest.param([40 if n < 150 else 47 for n in range(200)], 0, id="it was needed late"),
        pytest.param([60 + n % 7 for n in range(200)], 0, id="it swings"),
        pytest.param([60 + n for n in range(20)], 0, id="it did not live long enough to tell"),
    ],
)
def test_memory_that_grows_after_the_warm_up_is_found(samples: list[float], found: int) -> None:
    assert len(grown({"Allocate 1": [int(size * MEGABYTE) for size in samples]})) == found


def test_memory_that_many_processes_share_in_growing_is_found() -> None:
    creeping = {f"Allocate {number}": [60 * MEGABYTE + n * 15_000 for n in range(200)] for number in range(10)}

    assert [finding.text.split(" grew")[0] for finding in grown(creeping)] == ["all processes"]


def test_a_process_that_came_late_is_judged_alone() -> None:
    late = [60 * MEGABYTE + n * MEGABYTE // 5 for n in range(100)]

    assert len(grown({"Allocate 1": [60 * MEGABYTE] * 200, "Allocate 2": late})) == 1


def test_a_route_none_of_whose_requests_was_taken_is_found() -> None:
    statuses = {"GET /a": Counter({200: 1, 422: 3000}), "GET /b": Counter({422: 3000})}

    assert [finding.text.split(":")[0] for finding in untried(statuses, ["GET /a", "GET /b", "GET /c"])] == [
        "GET /b",
        "GET /c",
    ]


def test_after_few_requests_nobody_can_tell_what_was_never_taken() -> None:
    assert untried({}, ["GET /a"]) == []


@pytest.mark.parametrize("mutation", set(MUTATIONS), ids=lambda one: one.__name__)
def test_every_mutation_takes_every_body(mutation: object) -> None:
    assert callable(mutation)
    bodies: list[Any] = [GOOD, {}, [], None, {"items": [GOOD, GOOD]}]
    for body in bodies:
        for seed in range(30):
            assert isinstance(mutation(json.loads(json.dumps(body)), Random(seed)), bytes)


def test_a_seed_says_what_is_sent() -> None:
    def spoiled() -> list[tuple[str, bytes]]:
        rng = Random(7)
        return [mutated(json.loads(json.dumps(GOOD)), rng) for _ in range(200)]

    first = spoiled()
    assert first == spoiled()
    assert len({body for _, body in first}) > 100


def test_a_value_can_be_put_in_every_place() -> None:
    assert [key for _, key in places(GOOD)] == ["userId", "durationMinutes", "preferredSpecs", "minCpu"]


def test_every_route_comes_up_with_a_known_id_where_it_has_one() -> None:
    known = Known()
    known.learn("POST /scheduler/devices/allocate", {"allocationId": "a-1", "deviceId": "d-1"})
    known.learn("POST /scheduler/queue", [{"id": "q-1"}])
    known.learn("GET /scheduler/dlqs", [{"name": "n-1"}])
    known.learn("GET /scheduler/devices", [{"name": "no id"}])
    composer = Composer(Shapes.read(), known, Random(1))
    requests = [composer.next() for _ in range(3000)]

    assert {one.operation for one in requests} == {operation.name for operation in Shapes.read().operations()}
    assert {part for one in requests for part in re.findall(r"/(a-1|d-1|q-1|n-1|no%20id)(?:/|$)", one.target)} == {
        "a-1",
        "d-1",
        "q-1",
        "n-1",
    }


class Faulty(BaseHTTPRequestHandler):
    """Answers a release with a server error, a join with a traceback, a renewal late; the rest well."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        status, text = 200, '{"data": {}}'
        if "release" in self.path:
            status = 500
        elif "/queue" in self.path:
            text = "Traceback (most recent call last)"
        elif "/renew" in self.path:
            time.sleep(2.2)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815  the server's own names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def faulty() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Faulty)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_attack_on_a_faulty_server_finds_its_faults(faulty: str, tmp_path: Path) -> None:
    tokens = dict.fromkeys(("OPERATOR_TOKEN", "SERVICE_TOKEN", "USER_TOKEN", "OTHER_TENANT_TOKEN"), "t")
    attack = Attack({"API_URL": faulty, **tokens}, time.monotonic() + 6, seed=1)
    attack.run(3)

    findings = [finding for finding in map(wrong, attack.suspects) if finding]
    assert {finding.kind for finding in findings} == {"server error", "trace", "slow"}
    assert attack.sent > 50
    figures = report.Figures(1, 6, attack.sent, {}, *report.milliseconds(attack.seconds), 0, 0, {})
    report.write(tmp_path, figures, findings)
    kept = json.loads((tmp_path / "report.json").read_text())
    assert len(kept["findings"]) == len(findings)
    assert all(entry["curl"].startswith("curl -i -X ") for entry in kept["findings"])


def test_a_request_is_told_as_a_command_that_sends_it_again() -> None:
    told = request().curl("x.body")

    assert told.startswith("curl -i -X POST -H 'Content-Type: application/json' -H 'X: it'\"'\"'s")
    assert '-H "Authorization: Bearer $USER_TOKEN" --data-binary @x.body "$API_URL"' in told


def test_findings_are_told_to_people_too() -> None:
    figures = report.Figures(7, 60, 10, {"GET /a": {200: 9, 500: 1}}, 1, 2, 3, 1, 1, {"Allocate 1": (60.0, 61.0)})

    lines = report.lines(figures, [Finding("server error", "GET /a answered 500")], Path("place"))

    assert "answers: 200 9, 500 1" in lines
    assert lines[-1] == "1 findings {'server error': 1}; place/report.json"
