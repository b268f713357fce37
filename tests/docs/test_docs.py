"""The documentation: commands do what pages say, links lead somewhere, and no other server is asked."""

from __future__ import annotations

import doctest
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from baselines.models import MODELS
from bench.datasets import TASKS
from bench.metrics import METRICS
from tests.docs.walkthrough import FENCE, blocks, commands, walk

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "pages"
WRITTEN = {path.relative_to(PAGES).as_posix(): path for path in sorted(PAGES.rglob("*.md"))}
TUTORIALS = [name for name in WRITTEN if name.startswith("tutorials/")]
WORDS = {"python", "git", "bench", "pip"}
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """Return the module that makes pages."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(generate: ModuleType) -> dict[str, str]:
    return dict(generate.pages())


@pytest.mark.slow
@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_does_what_it_says(
    name: str, bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    steps = list(walk(WRITTEN[name].read_text(encoding="utf-8")))
    assert len(steps) >= 5
    wrong = [f"$ {step.command}\n{step.printed}" for step in steps if not step.agrees]
    assert not wrong, "\n".join(wrong)


def test_a_tutorial_that_says_something_else_is_noticed(
    bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [
        "```console",
        "$ bench metrics f1",
        "f2...",
        "$ bench metrics f1",
        "f1...",
        "$ bench no-such",
        "```",
    ]
    steps = walk("\n".join([*lines, ""]))
    assert [next(steps).agrees, next(steps).agrees] == [False, True]
    with pytest.raises(SystemExit):
        next(steps)


def test_worked_examples_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = WRITTEN["reference/worked-examples.md"].read_text(encoding="utf-8")
    examples = "\n".join(block.text for block in blocks(page) if block.language == "python")
    test = doctest.DocTestParser().get_doctest(examples, {}, "worked-examples", None, None)
    assert len(test.examples) > 10
    assert doctest.DocTestRunner().run(test).failed == 0


def test_every_console_block_outside_the_tutorials_installs() -> None:
    """What is not executed here is a command that `tests/test_wheel.py` runs."""
    for name, path in WRITTEN.items():
        for block in blocks(path.read_text(encoding="utf-8")):
            if block.language == "console" and name not in TUTORIALS:
                assert [command.split()[0] for command, _ in commands(block)] == ["pip"]


def test_every_declaration_has_a_page(made: dict[str, str]) -> None:
    assert {f"tasks/{task.name}.md" for task in TASKS} < set(made)
    assert {f"models/{name}.md" for name in MODELS} < set(made)
    assert not [
        metric.name for metric in METRICS if f"### {metric.name}\n" not in made["reference/metrics.md"]
    ]
    assert made["reference/metrics.md"].count("In Python `bench.metrics.") > 40


def test_tables_of_studies_take_the_place_of_marks(generate: ModuleType) -> None:
    page = generate.filled(WRITTEN["explanation/statistics.md"].read_text(encoding="utf-8"))
    assert "{{" not in page
    assert "|F1, skewed|6|1500|2.8|" in page
    assert "{{" not in generate.filled(WRITTEN["reference/files.md"].read_text(encoding="utf-8"))


def test_links_between_pages_lead_somewhere(made: dict[str, str]) -> None:
    texts = {name: path.read_text(encoding="utf-8") for name, path in WRITTEN.items()} | made
    for name, text in texts.items():
        for link in LINK.findall(FENCE.sub("", text)):
            if "://" not in link:
                target = (PAGES / name).parent / link.partition("#")[0]
                place = Path(target.as_posix()).resolve().relative_to(PAGES.resolve()).as_posix()
                assert place in texts, f"{name}: {link}"


def test_the_menu_names_every_written_page(made: dict[str, str]) -> None:
    class Loader(yaml.SafeLoader):
        pass

    menu = yaml.load((ROOT / "docs" / "mkdocs.yml").read_text(), Loader)["nav"]  # noqa: S506
    named = set(_leaves(menu))
    assert set(WRITTEN) <= named
    assert named <= set(WRITTEN) | set(made)


def _leaves(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    else:
        for inner in node if isinstance(node, list) else node.values():  # type: ignore[attr-defined]
            yield from _leaves(inner)


class Requests(HTMLParser):
    """What a browser fetches of a page without a click."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag fetches."""
        given = dict(attrs)
        fetches = tag == "link" and given.get("rel") not in ("canonical", "next", "prev")
        self.fetched += [given.get("src") or ""] if given.get("src") else []
        self.fetched += [given.get("href") or ""] if fetches else []


@pytest.mark.slow
def test_the_site_builds_strictly_and_asks_nobody(tmp_path: Path) -> None:
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed: pip install -c constraints.txt '.[train,docs]'")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(
        [*command, "-f", ROOT / "docs" / "mkdocs.yml", "-d", site],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for path in site.rglob("*.html"):
        page = Requests()
        page.feed(path.read_text(encoding="utf-8"))
        assert not [url for url in page.fetched if "//" in url.partition("?")[0]], path
        assert "fonts.g" not in path.read_text(encoding="utf-8")
    for path in site.rglob("*.css"):
        assert not re.findall(
            r"(?:@import|url\()\s*['\"]?(?:https?:)?//", path.read_text(encoding="utf-8")
        ), path
