"""What the benchmark writes: results.json, the page, plots."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.figures import figure
from benchmarks.kept import Measured
from benchmarks.outcome import Outcome, Plot, Series, Table
from benchmarks.page import BEGIN, END, markdown, write_page, write_results
from benchmarks.plots import draw

MACHINE = {
    "cores": 2,
    "cpu": "a CPU",
    "memory_gb": 8,
    "load_before": 0.1,
    "busy_before_percent": 3,
    "python": "3.13.0",
    "postgres": "18.6",
    "postgres_settings": {"fsync": "off"},
}
BARS = Plot("cycles", "Cycles", "workers", "1/s", (Series("ours", ("1", "8"), (5.0, 9.0)),), kind="bars")
STACK = replace(BARS, series=(BARS.series[0], Series("theirs", ("1", "8"), (1.0, 2.0))), stacked=True)
LINES = Plot(
    "waits", "Waits", "rate", "ms", (Series("p99", (1, 100, 300), (1.0, 20.0, 400.0)),), y_scale="log", mark=50
)
MEASURED = Measured(
    "cycles",
    "a1b2c3",
    "f00",
    {"rounds": 5, "workers": [1, 8]},
    MACHINE,
    12.3,
    Outcome(
        (figure("ratio", 0.3, ">= 0.40", "5 | 7"), figure("rate", 1234)),
        (Table("Cycles/s", ("workers", "÷"), (("8", "0.30"),)),),
        (BARS,),
    ),
)


def written(folder: Path) -> tuple[str, dict[str, str]]:
    """Write the page between "before" and "after"; give it and the plots."""
    page, images = folder / "page.md", folder / "images"
    page.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    write_page("quick", {"cycles": "Cycles against the floor"}, [MEASURED], page, images)
    return page.read_text(), {path.name: path.read_text() for path in images.iterdir()}


def test_the_page_keeps_what_is_around_its_markers(tmp_path: Path):
    text, _ = written(tmp_path)

    assert text.startswith(f"before\n{BEGIN}\nThe quick form on 2 cores (a CPU)")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "stale" not in text


def test_the_page_tells_goals_tables_and_plots(tmp_path: Path):
    text, plots = written(tmp_path)

    assert "| ratio | 0.3 | >= 0.40 | **no** | 5 &#124; 7 |" in text
    assert (
        "### Cycles against the floor\nAt a1b2c3, in 12 s; load before it 0.1, others using 3 % of the cores:" in text
    )
    assert "| workers | ÷ |\n| --- | --- |\n| 8 | 0.30 |" in text
    assert "![Cycles](images/performance/cycles.svg)" in text
    assert plots.keys() == {"cycles.svg"}


def test_figures_from_a_machine_that_others_kept_busy_say_so():
    disturbed = replace(MEASURED, machine=MACHINE | {"load_before": 2.1})

    assert "Others kept it busy" in markdown("quick", {"cycles": "Cycles"}, [disturbed])
    assert "Others kept" not in markdown("quick", {"cycles": "Cycles"}, [MEASURED])


def test_the_same_outcome_is_written_the_same(tmp_path: Path):
    assert written(tmp_path) == written(tmp_path)


def test_a_plot_that_nothing_shows_any_more_goes(tmp_path: Path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "gone.svg").write_text("<svg/>")

    _, plots = written(tmp_path)

    assert plots.keys() == {"cycles.svg"}


def test_a_page_without_markers_is_left_alone(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("nothing here")

    with pytest.raises(ValueError, match="markers"):
        write_page("quick", {}, [MEASURED], page, tmp_path / "images")

    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


def test_results_have_the_agreed_form(tmp_path: Path):
    write_results("quick", [MEASURED], tmp_path / "results.json")

    results = json.loads((tmp_path / "results.json").read_text())
    assert results["figures"][0] == {
        "name": "ratio",
        "value": 0.3,
        "goal": ">= 0.40",
        "holds": False,
        "detail": "5 | 7",
    }
    assert results["figures"][1]["holds"] is None
    assert results["machine"]["cores"] == 2
    assert results["machine"]["parts"]["cycles"]["commit"] == "a1b2c3"


@pytest.mark.parametrize("plot", [BARS, STACK, LINES], ids=["bars", "stacked bars", "lines"])
def test_a_plot_is_small_readable_and_the_same_each_time(plot: Plot):
    drawn = draw(plot)

    assert drawn == draw(plot)
    assert len(drawn) < 20_000
    assert "<dc:date>" not in drawn
    words = {text.strip() for text in ElementTree.fromstring(drawn).itertext()}
    assert {plot.title, plot.x_label, plot.y_label} <= words
