"""What the script of the pages does, in a browser: sorting, searching, and an address that keeps the view."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from made_up import RESULTS, Page

from bench.pages import publish, render

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


def rows(text: str) -> list[str]:
    """Return the names of the first table's rows that are shown, in order."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        Page(f"<table>{row}</tr></table>").tables[0][0][1].split("\n")[0].strip()
        for row in body.split("</tr>")[:-1]
        if not row.strip().startswith("<tr hidden")
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
