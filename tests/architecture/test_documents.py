"""What the documents say is what the code does."""

import ast
import re
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from scheduler.domain.catalogue import CATALOGUE
from scheduler.domain.events import EventType
from scheduler.domain.model import Language
from scheduler.domain.notices import CATALOGUE as NOTICES
from scheduler.domain.notices import NoticeType
from scheduler.domain.renewal import TIERS, Rule
from scheduler.domain.webhooks import RETRY_SECONDS, signature
from scheduler.edge.access import ROUTES as ACCESS
from scheduler.edge.problems import PROBLEMS
from scheduler.settings import ENVIRONMENT
from tests.architecture.repository import ROOT, name_of, product, table, tracked, tree
from tests.support.blocks import Held, blocks
from tools.region import template
from tools.site.pages import documents, page_of

README = ROOT / "README.md"
DEPLOY = ROOT / "docs" / "deploy.md"
RUNBOOK = ROOT / "docs" / "runbook.md"
EVENTS = ROOT / "docs" / "events.md"
WEBHOOKS = ROOT / "docs" / "webhooks.md"
EVENTS_IN = ROOT / "docs" / "events-in.md"
LIMITS = ROOT / "docs" / "limits.md"
POLICIES = re.compile(r'"([a-z-]+)";q=(\d+)')
RENEWAL = ROOT / "docs" / "renewal.md"
NOTIFICATIONS = ROOT / "docs" / "notifications.md"
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
C4 = ROOT / "docs" / "c4.md"
DECISIONS = ROOT / "docs" / "decisions"
DOCUMENTS = [path for path in tracked(".md") if path.parent != ROOT / ".github"]
TEMPLATE = template.load()
LOG_LEVELS = {"debug", "info", "warning", "error", "exception", "log"}


def logged_messages() -> set[str]:
    """First text of every call of a logger in the product."""
    calls = [node for path in product() for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    logging = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in LOG_LEVELS]
    texts = [arg for call in logging for arg in call.args if isinstance(arg, ast.Constant)]
    return {text.value for text in texts if isinstance(text.value, str)}


def anchors(document: Path) -> set[str]:
    """Anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> list[str]:
    """Links to files and headings of this repository that lead nowhere."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name) if name else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def test_the_readme_tells_of_every_variable_in_the_words_of_the_code() -> None:
    assert table(README, "## Configuration") == [[name, text] for name, text in ENVIRONMENT.items()]


def test_the_readme_tells_of_every_route() -> None:
    told = {row[0] for row in table(README, "## Routes")}

    assert told == {f"{route.method} {route.path}" for route in template.routes(TEMPLATE)}


def test_the_readme_says_who_needs_no_token() -> None:
    open_to_all = {row[0] for row in table(README, "## Routes") if row[2] == "anyone"}

    assert open_to_all == {f"{r.method} {r.path}" for r in template.routes(TEMPLATE) if not r.needs_token}


def test_the_readme_says_who_may_call_each_route() -> None:
    told = {route: re.split(r"\W", who)[0].replace("holder", "user") for route, _, who in table(README, "## Routes")}

    assert told == ACCESS


def test_the_readme_tells_of_every_refusal() -> None:
    told = {(code, status, retryable) for code, status, retryable, _ in table(README, "## Refusals")}

    assert told == {(e.code, str(s.value), "yes" if e.retryable else "no") for e, s in PROBLEMS.items()}


def test_the_guide_tells_of_every_parameter_and_its_default() -> None:
    declared = [(name, str(known.get("Default", ""))) for name, known in TEMPLATE["Parameters"].items()]

    assert [(name, default) for name, default, _ in table(DEPLOY, "## Parameters")] == declared


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken_links(document) == []


def test_the_runbook_explains_every_message_of_the_log() -> None:
    explained = {text for row in table(RUNBOOK, "## What the logs say") for text in re.findall(r"`([^`]+)`", row[0])}

    assert explained == logged_messages()


def test_the_runbook_says_what_to_do_with_the_messages_of_each_parking_queue() -> None:
    told = {row[0].strip("`") for row in table(RUNBOOK, "## Messages are parked")}
    queues = {name for name, r in TEMPLATE["Resources"].items() if r["Type"] == "AWS::SQS::Queue"}

    assert told == {name for name in queues if not name.endswith("Queue")} | {"FailedSchedulesQueue"}


def test_the_budget_of_connections_counts_every_function_and_keeps_within_its_bounds() -> None:
    budget = RUNBOOK.read_text().split("The budget: ")[1].split("which leaves")[0].split("for example: ")[1]
    parts = re.findall(r"(\d+) (?:each for )?([a-z][a-z, \n]*)", re.sub(r"\([^)]*\)", "", budget))
    shares = {name: int(share) for share, names in parts for name in re.findall(r"[a-z]+", names) if name != "and"}
    functions = {name.removesuffix("Function").lower() for name in template.functions(TEMPLATE)}

    assert shares.keys() == functions - {"console", "migrate", "smoke"}  # two without a database; one counted apart
    mapped = {name.lower(): n for name, n in TEMPLATE["Mappings"]["Concurrency"]["300"].items()}
    assert {name: mapped[name] for name in shares} == shares
    assert sum(shares.values()) + 2 + 6 <= (300 - 3) * 4 / 5


def test_the_tiers_of_renewals_are_told_as_they_are() -> None:
    told = {
        name: tuple(None if cell == "no limit" else int(cell) for cell in cells)
        for name, *cells in table(RENEWAL, "## What a tier allows")
    }

    assert told == {name: astuple(tier) for name, tier in TIERS.items()}


def test_the_rules_of_renewals_are_told_in_their_order() -> None:
    told = [rule.strip("`") for *_, rule in table(RENEWAL, "## The rules, in the order they are checked")]

    assert [rule for rule in told if rule] == list(Rule)


def test_the_limits_are_told_as_they_are() -> None:
    told = {
        window.strip("`"): int(limit.replace(",", "")) for window, limit, *_ in table(LIMITS, "## Requests a minute")
    }
    names = {window.strip("`"): name for window, *_, name in table(LIMITS, "## Requests a minute")}
    (headers,) = (block.code for block in blocks(Held.PRINTED) if block.language == "http")

    assert told == {window: TEMPLATE["Parameters"][name]["Default"] for window, name in names.items()}
    assert {window: told[window] for window, _ in POLICIES.findall(headers)} == {
        window: int(limit) for window, limit in POLICIES.findall(headers)
    }


def test_the_pauses_of_webhooks_are_told_as_they_are() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    ((_, *told, last),) = table(WEBHOOKS, "## Retries")
    pauses = [cell.split() for cell in told]

    assert tuple(int(number) * units[unit] for number, unit in pauses) == RETRY_SECONDS
    assert last == "given up"


def test_every_event_is_documented_with_its_schema() -> None:
    told = [re.fullmatch(r"\[(.+)\]\((.+)\)", row[0]) for row in table(EVENTS, "# Events out")]

    links = {link[1]: link[2] for link in told if link}
    assert links == {kind: f"../events/schemas/{kind}.json" for kind in EventType}


def test_every_event_from_outside_is_documented_with_its_schema() -> None:
    told = [re.fullmatch(r"\[(.+)\]\((.+)\)", row[0]) for row in table(EVENTS_IN, "# Events in")]

    links = {link[1]: link[2] for link in told if link}
    assert links == {kind: f"../events/schemas/incoming/{kind}.json" for kind in CATALOGUE}


def origin(entry: NoticeType) -> str:
    """Say which events become this notice, as the document does."""
    if entry.when is None:
        return entry.event
    if not entry.when.values:
        return f"{entry.event} with `{entry.when.field}`"
    return f"{entry.event}, `{entry.when.field}` " + " or ".join(f"`{value}`" for value in entry.when.values)


def test_what_users_are_told_is_documented_as_the_catalogue_has_it() -> None:
    assert table(NOTIFICATIONS, "## The types") == [
        [
            name,
            origin(entry),
            ", ".join(entry.channels),
            entry.priority,
            entry.texts[Language.EN].title,
            entry.texts[Language.ZH].title,
        ]
        for name, entry in NOTICES.items()
    ]


def test_the_documented_receiver_believes_what_is_signed_and_nothing_else() -> None:
    (code,) = (block.code for block in blocks(Held.RUN) if block.page == "docs/webhooks.md" and "hmac" in block.code)
    page: dict[str, Any] = {}
    exec(code, page)
    secret, now = "whsec_c2VjcmV0", int(time.time())

    def believed(body: bytes, sent_at: int, signed: str) -> bool:
        told = {"webhook-id": "1", "webhook-timestamp": str(sent_at), "webhook-signature": f"v1,AAAA {signed}"}
        return bool(page["verified"](secret, told, body))

    assert believed(b"{}", now, signature(secret, "1", now, "{}"))
    assert not believed(b"{ }", now, signature(secret, "1", now, "{}"))
    assert not believed(b"{}", now - 301, signature(secret, "1", now - 301, "{}"))


def test_there_is_a_sample_of_every_event_from_outside() -> None:
    samples = {path.stem for path in (ROOT / "events" / "sqs").glob("*.json")}

    assert set(CATALOGUE) <= samples


def test_the_picture_shows_every_function() -> None:
    shown = set(re.findall(r"[a-z]+", re.sub(r"<[^>]*>", " ", PICTURE.read_text())))

    assert {name.removesuffix("Function").lower() for name in template.functions(TEMPLATE)} <= shown


def test_the_c4_pictures_show_every_function() -> None:
    shown = set(re.findall(r"[a-z]+", C4.read_text()))

    assert {name.removesuffix("Function").lower() for name in template.functions(TEMPLATE)} <= shown


def test_every_page_has_its_place_on_the_site() -> None:
    placed = re.findall(r": ([\w/.-]+\.md)$", (ROOT / "tools" / "site" / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = [page_of(name) for name in documents(ROOT) if not name.startswith("docs/decisions/")]

    assert sorted(placed) == sorted([*pages, "api.md", "decisions/index.md"])


def test_decisions_are_numbered_without_a_gap_and_say_what_was_decided() -> None:
    records = sorted(DECISIONS.glob("*.md"))
    numbers = [path.name.partition("-")[0] for path in records]

    assert numbers == [f"{number:04}" for number in range(1, len(records) + 1)]
    for path in records:
        text = path.read_text()
        assert re.match(rf"# {path.name[:4]}: .+\n\nStatus: (accepted|replaced by \d{{4}})\.\n", text), path.name
        assert "\n## Decision\n" in text, path.name
