"""Who is answered in CSV, and that no cell becomes a formula."""

import csv
import io

import pytest

from scheduler.edge.tables import prefers_csv, write_csv


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/csv", True),
        ("Text/CSV; charset=utf-8", True),
        ("text/csv, */*", True),
        ("text/csv;q=0", False),
        ("text/csv;q=0.5, application/json", False),
        ("application/json;q=0.5, text/csv;q=0.9", True),
        ("text/csv;q=high", False),
        ("text/*", False),
    ],
)
def test_csv_is_for_those_who_name_it_and_do_not_like_json_better(accept: str | None, expected: bool) -> None:
    assert prefers_csv(accept) is expected


def test_a_table_has_its_header_and_chosen_columns_in_their_order() -> None:
    rows = [{"userId": "ana", "seconds": 60, "other": 1}, {"userId": 'b "quoted", c', "seconds": -5}]

    assert write_csv(("userId", "seconds"), rows) == 'userId,seconds\r\nana,60\r\n"b ""quoted"", c",-5\r\n'


def test_an_empty_table_is_its_header() -> None:
    assert write_csv(("day",), []) == "day\r\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "\n=1"])
def test_a_text_that_would_be_a_formula_is_quoted_and_a_number_is_not(text: str) -> None:
    table = write_csv(("key", "text", "number"), [{"key": "k", "text": text, "number": -1}])

    _, (_, first, second) = csv.reader(io.StringIO(table, newline=""))
    assert (first, second) == (f"'{text}", "-1")
