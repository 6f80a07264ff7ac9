"""JSON that a page shows by itself is what somebody sends or answers: no member is missing, unknown or mistyped."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from copy import deepcopy
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scheduler.adapters.http.billing_service import BillingMetering
from scheduler.adapters.http.neighbour import Neighbour
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.domain.billing import RecordKind, UsageRecord
from scheduler.domain.model import User
from scheduler.domain.notices import CATALOGUE as NOTICES
from scheduler.domain.quota import parse_limits
from tests.architecture.repository import ROOT
from tests.support.blocks import Block, Held, blocks
from tests.support.fake_meter import FakeMeter
from tests.support.schemas import FORMATS, incoming_types, schema_types, validator
from tools.neighbours.billing_service import billing_service
from tools.neighbours.books import Books

OPENAPI = json.loads((ROOT / "docs" / "openapi.json").read_text())


@pytest.mark.parametrize("block", blocks(Held.BODY), ids=lambda block: block.name)
def test_a_document_is_known(block: Block) -> None:
    document = json.loads(block.code)

    known = [name for name, faults in _faults(document) if not faults]
    nearest = min(_faults(document), key=lambda pair: len(pair[1]))
    assert known, f"nearest to {nearest[0]}: {nearest[1]}"


def test_what_is_offered_instead_can_be_sent() -> None:
    offers = (json.loads(block.code).get("alternatives", ()) for block in blocks(Held.BODY))
    links = [offer["link"] for told in offers for offer in told]

    assert links
    assert [
        fault.message for link in links for fault in _request(link["method"], link["href"]).iter_errors(link["body"])
    ] == []


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        pytest.param('"successCount": 1', '"sucessCount": 1', id="a member of an answer"),
        pytest.param('"retryable": false', '"retryable": "no"', id="a type"),
        pytest.param('"data": {"userId"', '"data": {"user"', id="a member of an event"),
        pytest.param('"duration": -90', '"seconds": -90', id="a member of a record"),
        pytest.param('"totalMemoryGB": 80', '"totalMemory": 80', id="a limit"),
        pytest.param('"remainingSeconds": 583', '"seconds": 583', id="a member of a notice"),
    ],
)
def test_a_document_with_a_mistake_is_not_known(document: str, wrong: str) -> None:
    found = [block.code for block in blocks(Held.BODY) if document in block.code]

    assert found
    for code in found:
        assert all(faults for _, faults in _faults(json.loads(code.replace(document, wrong))))


def _faults(document: Any) -> Iterator[tuple[str, list[str]]]:
    """Hold a document against everything that is sent or answered."""
    for name, schema in _validators().items():
        yield name, sorted(f"{error.json_path}: {error.message}" for error in schema.iter_errors(document))
    for name, told in (("quota document", _quota), ("notice", _notice), ("usage record", _usage_record)):
        try:
            yield name, [] if told(document) else ["other members"]
        except (KeyError, TypeError, AttributeError, ValueError) as fault:
            yield name, [repr(fault), "and more"]


def _request(method: str, path: str) -> Draft202012Validator:
    """Give the validator of what a route takes."""
    sent = OPENAPI["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    return Draft202012Validator(sent | {"components": OPENAPI["components"]}, format_checker=FORMATS)


@cache
def _validators() -> Mapping[str, Draft202012Validator]:
    """By name: objects of the API, in which nothing may be that is not described, and events."""
    components = deepcopy(OPENAPI["components"])
    described = {name for name, schema in components["schemas"].items() if schema.get("properties")}
    for name in described:
        components["schemas"][name].setdefault("additionalProperties", False)
    every = {
        name: Draft202012Validator(
            {"$ref": f"#/components/schemas/{name}", "components": components}, format_checker=FORMATS
        )
        for name in sorted(described)
    }
    events = [*schema_types(), *(f"incoming/{kind}" for kind in incoming_types())]
    return every | {kind: validator(kind) for kind in events}


def _quota(document: Mapping[str, Any]) -> bool:
    """What the user service answers: each limit is one that is read, and the rest as ours says it."""
    ours = Books().quota("anybody")
    if not all(parse_limits({name: 7}) != parse_limits({}) for name in document["limits"]):
        return False
    return document.keys() == ours.keys() and document["usage"].keys() == ours["usage"].keys()


def _notice(document: Mapping[str, Any]) -> bool:
    """What the notification service is told: the catalogue's text, and the fields that it needs."""
    entry = NOTICES[document["type"]]
    titles = {text.title for text in entry.texts.values()}
    told = {"userId", "type", "title", "message", "data", "channels", "priority"}
    return (
        document.keys() == told
        and document["title"] in titles
        and set(document["data"]) == set(entry.fields)
        and (document["channels"], document["priority"]) == (list(entry.channels), entry.priority)
    )


def _usage_record(document: Mapping[str, Any]) -> bool:
    """What the billing service is told, really: a record of the same values arrives there as this document."""
    config = document["deviceConfig"]
    record = UsageRecord(
        allocation_id=document["allocationId"],
        segment=document["segment"],
        kind=RecordKind(document["kind"]),
        user=User(document["tenantId"], document["userId"]),
        device_id=document["deviceId"],
        device_name=document["deviceName"],
        cpu_cores=config["cpuCores"],
        memory_mb=config["memoryMB"],
        storage_mb=config["storageMB"],
        started_at=datetime.fromisoformat(document["startTime"]),
        ended_at=datetime.fromisoformat(document["endTime"]),
        seconds=abs(document["duration"]),
    )
    with billing_service() as neighbour, closing(Neighbour(neighbour.url, lambda: neighbour.secret)) as service:
        BillingMetering(service, RedisBreakerStore(None), FakeMeter()).tell(record)
        (arrived,) = neighbour.ledger.usage()["applied"]
    return bool(arrived == {"key": record.key, **document})
