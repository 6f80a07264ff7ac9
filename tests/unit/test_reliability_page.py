"""docs/reliability.md says what the kept figures say."""

from tests.fault import report


def test_the_page_is_what_the_kept_figures_make() -> None:
    shown = report.PAGE.read_text().partition(report.MARK)[2].strip()

    assert shown == report.generated(report.load()).strip()


def test_every_fault_has_its_line() -> None:
    from tests.fault.faults import FAULTS

    assert {line["fault"] for line in report.load()["lines"]} == {fault.name for fault in FAULTS}
