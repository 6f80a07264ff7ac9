"""Documents become pages: their links lead to pages, or are the names of files."""

from pathlib import Path

import pytest

from tests.architecture.repository import ROOT
from tools.site.pages import as_page, documents, page_of, write_pages


@pytest.mark.parametrize(
    ("document", "text", "page"),
    [
        pytest.param("README.md", "[a](docs/queue.md)", "[a](queue.md)", id="from the first page"),
        pytest.param("docs/queue.md", "[a](../README.md#routes)", "[a](index.md#routes)", id="to the first page"),
        pytest.param("docs/guides/audit.md", "[a](../queue.md)", "[a](../queue.md)", id="beside"),
        pytest.param("docs/queue.md", "[a](#order)", "[a](#order)", id="within"),
        pytest.param("docs/queue.md", "[a](https://example.org/x)", "[a](https://example.org/x)", id="to elsewhere"),
        pytest.param("README.md", "![a](docs/images/security.svg)", "![a](images/security.svg)", id="a picture"),
        pytest.param("README.md", "[all](docs/decisions)", "[all](decisions/index.md)", id="decisions"),
        pytest.param("docs/events-in.md", "[a](../events/sqs)", "a (`events/sqs`)", id="a folder without a page"),
        pytest.param("README.md", "[`LICENSE`](LICENSE)", "`LICENSE`", id="a file without a page"),
        pytest.param("README.md", "```\n[a](LICENSE)\n```", "```\n[a](LICENSE)\n```", id="code"),
    ],
)
def test_a_link_leads_to_a_page_or_names_a_file(document: str, text: str, page: str) -> None:
    assert as_page(ROOT, document, text) == page


def test_each_document_has_a_page(tmp_path: Path) -> None:
    target = tmp_path / "pages"

    write_pages(ROOT, target)

    assert all((target / page_of(document)).is_file() for document in documents(ROOT))
    assert "(0001-decide-in-postgres.md)" in (target / "decisions" / "index.md").read_text()
    assert (target / "api.md").is_file()
