"""What the script of the pages does, in a browser: sorting, searching, and an address that keeps the view."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from made_up import RESULTS, Page, entry, task

from bench.pages import publish, render
from bench.pages.published import published_tasks

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome on the PATH"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    publish(render(RESULTS), folder)
    return folder


def opened(path: Path, address: str = "") -> str:
    """Return the page as it is after its script has run."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]
    done = subprocess.run(
        [str(CHROMIUM), *options, f"{path.as_uri()}{address}"], capture_output=True, check=True, timeout=120
    )
    return done.stdout.decode()


def complaints(path: Path) -> list[str]:
    """Return what the browser says on its console about a page: faults of scripts, refused content."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    done = subprocess.run(
        [str(CHROMIUM), *options, "--virtual-time-budget=2000", "--dump-dom", path.as_uri()],
        capture_output=True,
        check=True,
        timeout=120,
    )
    return [one for one in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in one]


def rows(text: str) -> list[str]:
    """Return the names of the first table's rows that are shown, in order."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        Page(f"<table>{row}</tr></table>").tables[0][0][1].split("\n")[0].strip()
        for row in body.split("</tr>")[:-1]
        if " hidden=" not in row.partition(">")[0]
    ]


def test_without_an_address_the_ranking_stands_as_it_was_written(site: Path) -> None:
    assert rows(opened(site / "toy-task.html")) == ["Model a", "Model e", "Model b", "Model d", "Model c"]


def test_the_address_keeps_order_and_words(site: Path) -> None:
    page = site / "toy-task.html"
    sort = quote("Entry-", safe="")
    names = rows(opened(page, f"#ranking-1:sort={sort}"))
    assert names == ["Model e", "Model d", "Model c", "Model b", "Model a"]
    found = opened(page, f"#ranking-1:q={quote('model D')}&sort={sort}")
    assert rows(found) == ["Model d"]
    assert "1 of 5" in found
    assert rows(opened(page, "#ranking-1:q=nobody")) == []
    hostile = opened(page, f"#ranking-1:q={quote('<img src=x>')}&sort={quote('<b>+')}")
    assert "<img" not in hostile.partition("<body>")[2]
    assert rows(hostile) == []


def test_filters_select_rows_and_stand_in_the_address(tmp_path: Path) -> None:
    causal = replace(RESULTS[1], entry=entry("a", causal=True))
    publish(render([RESULTS[0], causal, *RESULTS[2:]]), tmp_path)
    page = tmp_path / "toy-task.html"
    assert rows(opened(page, "#ranking-1:timing=causal")) == ["Model a"]
    assert len(rows(opened(page, "#ranking-1:timing=nonsense"))) == len(RESULTS)


def test_columns_of_classes_are_folded_until_the_address_opens_them(site: Path) -> None:
    def heads(text: str) -> list[str]:
        head = text.partition("<thead>")[2].partition("</thead>")[0]
        cells = [
            cell
            for cell in head.split("<th ")[1:]
            if 'scope="col"' in cell and " hidden=" not in cell.split(">")[0]
        ]
        return [
            Page(f"<table><tr><th {cell.partition('</th>')[0]}</th></tr></table>").tables[0][0][0]
            for cell in cells
        ]

    page = site / "toy-task.html"
    plain = heads(opened(page))
    assert not [name for name in plain if "attack" in name]
    changed = heads(opened(page, f"#ranking-1:cols={quote('class.attack~ranked.Runs', safe='')}"))
    assert [name for name in changed if "attack" in name]
    assert not [name for name in changed if "Runs" in name]


def test_selected_rows_stand_out_and_alone_where_wanted(site: Path) -> None:
    page = site / "toy-task.html"
    text = opened(page, f"#ranking-1:sel={quote('a,d', safe='')}&only=1")
    assert rows(text) == ["Model a", "Model d"]
    marks = [mark["data-entry"] for mark in Page(text).all("circle") if "selected" in mark["class"]]
    assert set(marks) == {"Model a", "Model d"}
    assert "2 selected" in Page(text).text


def test_a_browser_says_nothing_about_the_pages(site: Path) -> None:
    for path in sorted(site.glob("*.html")):
        assert complaints(path) == []


def cards(text: str) -> list[str]:
    """Return the titles of the cards that are shown."""
    pieces = text.partition('<ul class="cards">')[2].split("<li data-has=")[1:]
    return [
        piece.partition(".html")[0].partition('href="')[2]
        for piece in pieces
        if " hidden=" not in piece.partition(">")[0]
    ]


def test_cards_are_searched_and_filtered_by_the_address(tmp_path: Path) -> None:
    simulated = task(name="another", title="Other animals", dataset={"simulated": True})
    publish(render([*RESULTS, replace(RESULTS[0], task=simulated)], published_tasks()), tmp_path)
    page = tmp_path / "index.html"
    every = cards(opened(page))
    assert len(every) == 2 + len(published_tasks())
    assert cards(opened(page, "#only=entries")) == ["another", "toy-task"]
    assert cards(opened(page, "#only=entries,real")) == ["toy-task"]
    assert cards(opened(page, f"#q={quote('other ANIMALS')}")) == ["another"]
    assert complaints(page) == []
