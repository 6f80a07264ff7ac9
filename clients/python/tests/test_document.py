"""The models and exceptions are those of the scheduler's OpenAPI document."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloudphone import errors, fleet_models, models, service_models
from cloudphone.errors import Refusal

DOCUMENT = json.loads((Path(__file__).parents[3] / "functions" / "console" / "openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
NAMES = {
    models.DeviceRef: "DeviceRef",
    models.Allocation: "AllocationView",
    models.AllocationSummary: "AllocationSummary",
    models.AllocationDetail: "AllocationDetail",
    models.WaitBand: "WaitBand",
    models.Specs: "SpecsView",
    models.Waiter: "QueueEntryView",
    models.Released: "ReleaseView",
    models.Renewal: "RenewalView",
    models.PastRenewal: "PastRenewalView",
    models.RenewalOutlook: "RenewalOutlookView",
    models.PreferredSpecs: "PreferredSpecs",
    models.Reservation: "ReservationView",
    fleet_models.FreeDevice: "FreeDeviceView",
    fleet_models.Heartbeat: "HeartbeatView",
    fleet_models.BookedWindow: "BookedWindowView",
    fleet_models.Device: "DeviceView",
    fleet_models.NewDevice: "DeviceBody",
    fleet_models.DeviceIds: "DeviceIdsView",
    fleet_models.Usage: "UsageView",
    fleet_models.Limits: "LimitsView",
    fleet_models.QuotaUse: "UsageOfQuotaView",
    fleet_models.Quota: "QuotaView",
    fleet_models.DeadLetters: "DeadLettersView",
    fleet_models.Redrive: "RedriveView",
    fleet_models.Finding: "FindingView",
    fleet_models.Invariant: "InvariantView",
    fleet_models.FullRun: "FullRunView",
    fleet_models.Audit: "AuditView",
    fleet_models.AuditEntry: "AuditEntryView",
    fleet_models.Backlog: "BacklogView",
    fleet_models.Health: "HealthView",
    models.Series: "SeriesView",
    service_models.Failure: "FailureView",
    service_models.Granted: "BatchGrant",
    service_models.GrantBatch: "BatchView_BatchGrant_",
    service_models.GivenBack: "BatchRelease",
    service_models.ReleaseBatch: "BatchView_BatchRelease_",
    service_models.Renewed: "BatchRenewal",
    service_models.RenewalBatch: "BatchView_BatchRenewal_",
    service_models.ActiveAllocation: "ActiveView",
    service_models.Held: "BatchHoldings",
    service_models.QueryBatch: "BatchView_BatchHoldings_",
    service_models.Webhook: "WebhookView",
    service_models.NewWebhook: "NewWebhookView",
    service_models.Ping: "PingView",
    errors.Problem: "Problem",
    errors.Alternative: "Alternative",
    errors.Link: "Link",
}
WIDENED = {"AuditEntryView.entity", "AuditEntryView.act", "DeviceBody.status", "Alternative.kind", "Link.method"}
"""Words that the client only shows or passes on: any text."""
TELLING = ("type", "format", "anyOf", "items", "additionalProperties", "enum")


def shape(schema: Any, schemas: dict[str, Any]) -> Any:
    """Reduce a schema to what a type must fit: kind, format, items, words; a reference to an object is its members."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if "const" in schema:
        schema = {"enum": [schema["const"]]}
    if "enum" in schema:
        return {"words": sorted(word for word in schema["enum"] if word != "unknown")}
    if "properties" in schema:
        return "object"
    return _plain({name: schema[name] for name in TELLING if name in schema}, schemas)


def _plain(kept: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if kept.get("additionalProperties") in (True, {}):
        del kept["additionalProperties"]
    for name in ("items", "additionalProperties"):
        if name in kept:
            kept[name] = shape(kept[name], schemas)
    if "anyOf" in kept:
        kept["anyOf"] = sorted((shape(one, schemas) for one in kept["anyOf"]), key=str)
    return kept


def fits(ours: Any, theirs: Any) -> bool:
    """Compare two shapes. Where the document only says "text", a time is one."""
    if "date-time" in str(theirs):
        return bool(ours == theirs)
    return bool(ours == theirs or _without_formats(ours) == _without_formats(theirs))


def _without_formats(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _without_formats(value) for name, value in told.items() if name != "format"}
    return sorted(map(_without_formats, told), key=str) if isinstance(told, list) else told


def readings(schema: dict[str, Any], always_there: bool) -> list[dict[str, Any]]:
    """Give the types that a member stands for: None is also what it is when it is not there."""
    if always_there or "anyOf" not in schema:
        return [schema]
    return [schema, *(one for one in schema["anyOf"] if one != {"type": "null"})]


def misfits(model: type[Any], name: str) -> list[str]:
    """Name the members of a model that the document has not, or of another type, or only sometimes."""
    _, parts = msgspec.json.schema_components([model])
    ours, theirs = parts[model.__name__], SCHEMAS[name]
    given_by_caller = name == "DeviceBody"
    found = []
    for member, schema in ours["properties"].items():
        told = theirs["properties"].get(member)
        if told is None:
            found.append(f"{member}: not in the document")
        elif f"{name}.{member}" not in WIDENED and not any(
            fits(shape(one, parts), shape(told, SCHEMAS))
            for one in readings(schema, member in theirs.get("required", []))
        ):
            found.append(f"{member}: {shape(schema, parts)} is not {shape(told, SCHEMAS)}")
        elif member in ours.get("required", []) and member not in theirs.get("required", []) and not given_by_caller:
            found.append(f"{member}: may be absent")
    return found + [
        f"{m}: demanded" for m in theirs.get("required", []) if given_by_caller and m not in ours["required"]
    ]


@pytest.mark.parametrize(("model", "name"), NAMES.items(), ids=NAMES.values())
def test_every_member_of_a_model_is_in_the_document_with_its_type(model: type[Any], name: str) -> None:
    assert misfits(model, name) == []


def test_every_model_is_compared() -> None:
    structs = {
        value
        for module in (models, fleet_models, service_models, errors)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and not name.startswith("_")
    }

    assert structs - {models.Model} == set(NAMES)


def test_a_wrong_member_is_found() -> None:
    class Wrong(models.Model, frozen=True):
        device_id: int
        duration_seconds: int | None
        colour: str

    assert [text.partition(":")[0] for text in misfits(Wrong, "ReleaseView")] == [
        "deviceId",
        "durationSeconds",
        "colour",
    ]


def test_every_code_of_a_problem_has_its_exception_and_no_other() -> None:
    answers = [
        answer
        for operations in DOCUMENT["paths"].values()
        for one in operations.values()
        for answer in one["responses"].values()
    ]
    codes = {code for answer in answers for code in re.findall(r"^`(\w+)`:", answer["description"], re.MULTILINE)}

    assert codes
    assert set(Refusal.known) == codes
