"""Makes the pictures of docs/images/console from a region that runs (`make up`)."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.browser.chromium import ROOT, browsing
from tools.browser.scene import Scene
from tools.region.layout import Layout
from tools.region.region import running

IMAGES = ROOT / "docs" / "images" / "console"
MOST_BYTES = 150 * 1024
WIDE, NARROW = (1280, 800), (380, 760)
PICTURES = (
    ("fleet", "fleet", WIDE, "light", "en"),
    ("fleet-dark-zh", "fleet", WIDE, "dark", "zh"),
    ("timeline", "timeline", WIDE, "light", "en"),
    ("queue", "queue", WIDE, "light", "en"),
    ("health", "health", WIDE, "light", "en"),
    ("allocation", "allocations/{allocation}", WIDE, "dark", "en"),
    ("fleet-narrow", "fleet", NARROW, "light", "en"),
)
"""Each picture: its name, the place in the console, the window, colours, language."""
_SETTLE_MS = 2500
_CURVES_MS = 40_000
"""How long the curves of the health page may grow."""


def make() -> int:
    """Play a scene, and take the pictures; return the exit code."""
    environment = running(Layout.here())
    if environment is None:
        print("The region is not up: call `make up` first.", file=sys.stderr)
        return 1
    scene = Scene(environment)
    scene.play()
    (newest, *_) = scene.call("GET", "/allocations?status=allocated&limit=1", who="OPERATOR")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browsing(Path(folder)) as context:
        for name, place, window, theme, language in PICTURES:
            there = place.format(allocation=newest["allocationId"])
            page = opened(context, environment, there, theme=theme, language=language, window=window)
            page.wait_for_timeout(_CURVES_MS if name == "health" else _SETTLE_MS)
            page.screenshot(path=IMAGES / f"{name}.png")
            page.close()
            make_small(IMAGES / f"{name}.png")
    return 0


def opened(
    context: Any,
    environment: dict[str, str],
    place: str,
    *,
    theme: str = "light",
    language: str = "en",
    window: tuple[int, int] = WIDE,
    signed_in: bool = True,
) -> Any:
    """Give a page of the console at a place, signed in as the operator, or not yet."""
    page = context.new_page()
    page.set_viewport_size({"width": window[0], "height": window[1]})
    kept = {"console.theme": theme, "console.language": language}
    page.add_init_script(
        f"Object.entries({json.dumps(kept)}).forEach(([key, value]) => localStorage.setItem(key, value));"
    )
    if signed_in:
        page.add_init_script(f"sessionStorage.setItem('console.token', {json.dumps(environment['OPERATOR_TOKEN'])});")
    page.goto(f"{environment['API_URL']}/scheduler/console#{place}")
    return page


def make_small(path: Path) -> None:
    """Pack a picture as well as its format can, without changing a point of it."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        print(f"{path.name} has {path.stat().st_size} bytes, {MOST_BYTES} are allowed", file=sys.stderr)
