"""The console's sources: both languages say everything, nothing is inline, and it stays light."""

import json
import re
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, name_of
from tools import console_build

WEB = ROOT / "console" / "web"
MODULES = sorted(WEB.glob("*.js"))
LONGEST_MODULE = 300
TEXTS = WEB / "texts.js"
ROW = re.compile(r"^  '([\w.]+)': \[(['\"])(.*)\2, (['\"])(.*)\4\],$")


def rows() -> dict[str, tuple[str, str]]:
    """Each text: key, English, Chinese."""
    lines = [line for line in TEXTS.read_text().splitlines() if line.startswith("  ")]
    found = {row[1]: (row[3], row[5]) for line in lines if (row := ROW.match(line))}
    assert len(found) == len(lines), "a row that is no text"
    return found


def test_every_text_is_there_in_both_languages_with_the_same_values() -> None:
    assert len(rows()) > 100
    for key, (english, chinese) in rows().items():
        assert english, key
        assert chinese, key
        assert set(re.findall(r"{\w+}", chinese)) <= set(re.findall(r"{\w+}", english)), key


def test_every_text_that_a_module_asks_for_exists_and_none_is_idle() -> None:
    sources = "".join(path.read_text() for path in MODULES if path != TEXTS)
    named = set(re.findall(r"['\"`]((?:[a-z]\w*\.)+\w+)['\"`]", sources)) & {
        *rows(),
        *re.findall(r"\bt\('([\w.]+)'", sources),
    }
    prefixes = tuple(re.findall(r"[`]([a-z]\w*\.)\$\{", sources))

    assert named <= set(rows()), named - set(rows())
    assert {key for key in rows() if key not in named and not key.startswith(prefixes)} == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert path == TEXTS or len(path.read_text().splitlines()) <= LONGEST_MODULE


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    page = (WEB / "index.html").read_text()

    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page) == []
    everything = [path.read_text() for path in [*WEB.iterdir()]]
    found = [re.findall(r"https?://(?!www\.w3\.org)\S+|\beval\(|innerHTML|new Function", text) for text in everything]
    assert [hits for hits in found if hits] == []


def test_every_module_is_loaded_ahead_or_late_on_purpose() -> None:
    page = (WEB / "index.html").read_text()
    preloaded = set(re.findall(r"VERSION/(\w+\.js)", page))

    assert preloaded <= {path.name for path in MODULES} | set(console_build.VENDORED)
    assert {path.name for path in MODULES} <= preloaded | {"app.js"} | set(re.findall(r"'\./(\w+\.js)'", _sources()))


@pytest.mark.parametrize("folder", ["console", "tools/site", "tools/browser/lighthouse"])
def test_a_lock_names_no_place_and_every_hash(folder: str) -> None:
    packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_what_is_written_leaves_room_for_the_packages() -> None:
    served = sum(len(console_build.trimmed(path.name, path.read_text()).encode()) for path in WEB.iterdir())

    assert served <= console_build.LIMIT_BYTES - 70_000


@pytest.mark.parametrize(
    ("name", "written", "served"),
    [
        (
            "a.js",
            "// why\n/** What. */\nconst a = 'b  // c';\n\n  /**\n   * Long.\n   */\n  let b; // d\n",
            "const a = 'b  // c';\nlet b; // d\n",
        ),
        ("a.js", "  'a.b': ['c': [1], 'd'],\n", "'a.b':['c': [1], 'd'],\n"),
        (
            "a.css",
            '/* e */\n.a, .b { color: red; }\n\n.c:hover td::before { content: "x "; }\n',
            '.a,.b{color:red}.c:hover td::before{content:"x "}',
        ),
        ("a.html", "<p>\n  text\n\n</p>\n", "<p>\ntext\n</p>\n"),
    ],
)
def test_only_what_no_browser_needs_is_left_out(name: str, written: str, served: str) -> None:
    assert console_build.trimmed(name, written) == served


def _sources() -> str:
    return "".join(path.read_text() for path in MODULES)
