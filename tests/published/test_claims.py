"""Claims of figures: words with a direction, no number read off a plot, marked on the page of tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_up import RESULTS, Page

from bench.errors import DataError
from bench.pages import render
from bench.pages.published import published_tasks
from bench.published.claims import LOOKAGAIN, read_claims
from bench.published.tables import read_published


def test_a_claim_names_its_figure_and_holds_no_number() -> None:
    claims = read_claims()
    assert {claim.figure.split()[1] for claim in claims} == {"2", "3", "4", "5"}
    assert not [claim for claim in claims if re.search(r"\d", claim.claim.replace("F1", ""))]
    assert LOOKAGAIN.source not in {number.table.paper.source for number in read_published()}


def test_the_page_of_tables_marks_each_claim_as_of_a_figure_only() -> None:
    html = render(RESULTS, published_tasks())["tables.html"]
    section = html[html.index('id="claims"') : html.index('id="bibtex"')]
    assert section.count("figure only") == len(read_claims())
    assert len(Page(html).tables[-1]) == len(read_claims()) + 1  # and the heads of the columns
    assert LOOKAGAIN.url in section


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.csv"
    path.write_text("figure,claim\nFigure 2,Higher\n", encoding="utf-8")
    with pytest.raises(DataError):
        read_claims(path)
