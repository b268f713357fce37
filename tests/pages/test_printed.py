"""Published tables on a page of their own, as they are printed, and BibTeX that LaTeX can read."""

from __future__ import annotations

import re
from dataclasses import replace

from made_up import RESULTS, Page

from bench.datasets import DATASETS
from bench.pages import render
from bench.pages.bibtex import bibtex, escaped
from bench.pages.printed_page import printed_page
from bench.pages.published import published_tasks
from bench.pages.reference_pages import metrics_page
from bench.published import read_published
from bench.published.tables import Paper


def test_every_printed_number_stands_in_its_table() -> None:
    page = printed_page(RESULTS)
    numbers = read_published()
    cells = {
        (f"{table.paper.source}, {table.place}", row.name): " ".join(row.cells)
        for table in page.tables
        for row in table.rows
    }
    for number in numbers:
        assert number.printed in cells[number.place, number.row.row]
    assert page.numbers == len(numbers)


def test_the_site_has_the_page_and_the_index_leads_to_it() -> None:
    pages = render(RESULTS, published_tasks())
    assert 'href="tables.html"' in pages["index.html"]
    tables = Page(pages["tables.html"]).tables
    assert len(tables) == len(printed_page(RESULTS).tables) + 1  # and the claims of figures
    ids = re.findall(r'id="([^"]+)"', pages["tables.html"])
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', pages["tables.html"])) <= set(ids)


def test_bibtex_holds_each_source_once_and_no_command_of_a_stranger() -> None:
    paper = Paper("A & B 2026", r"50 % of \input{secret} $x_1$ ~^#", "https://example.org/a_b")
    card = {
        **RESULTS[0].entry,
        "name": r"\write18{rm} }",
        "authors": ["A_B"],
        "paper": "https://example.org/}\\%",
    }
    text = bibtex([paper, paper], DATASETS[:2], [replace(RESULTS[0], entry=card)])
    assert text.count("@misc{") == 4
    assert r"\textbackslash{}input\{secret\}" in text
    assert "\\input{" not in text
    assert "\\write18{" not in text
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")
    keys = re.findall(r"@misc\{([^,]+),", text)
    assert len(keys) == len(set(keys))
    assert escaped("a\nb  c") == "a b c"


def test_metrics_of_arrays_have_their_example_on_the_page() -> None:
    page = metrics_page()
    assert {"f1", "map", "cluster_f1", "onset_bias", "edit"} <= set(page.examples)
    assert len(page.examples) == 44
    assert page.examples["f1"].endswith("0.551")
    assert len(set(page.examples.values())) == len(page.examples)
