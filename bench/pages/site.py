"""From results to the text of every page. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import UndefinedError

from bench.errors import DataError
from bench.pages.entry_page import entry_page
from bench.pages.environment import environment_of_pages
from bench.pages.index_page import index_page
from bench.pages.ranking import rank
from bench.pages.task_page import task_page
from bench.results import Result
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE
from bench.text import per_minute

TASK_NAME = re.compile(r"(?!index$)[a-z0-9][a-z0-9-]{0,99}")
"""Names that are safe as `<task>.html` beside `index.html`."""


def render(results: Sequence[Result]) -> dict[str, str]:
    """Return the site as file name -> text: `index.html`, `<task>.html` and `<task>--<entry>.html`.

    Raises `DataError` where a name is unsafe as a file name, an entry comes twice, two pages would have one
    name, or a result lacks what a page shows.
    """
    try:
        _refuse_unsafe_names(results)
        return _pages(results)
    except (UndefinedError, LookupError, TypeError, ValueError, AttributeError) as fault:
        raise DataError(
            "no leaderboard can be built from these results",
            [f"{type(fault).__name__}: {fault}"],
            hint="score the submissions again: bench evaluate submissions/<entry>",
        ) from fault


def _pages(results: Sequence[Result]) -> dict[str, str]:
    tasks: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: (result.task["name"], result.entry["id"])):
        tasks.setdefault(result.task["name"], []).append(per_minute(result))
    rankings = {name: rank(task_results) for name, task_results in tasks.items()}
    environment = environment_of_pages()
    index, task, entry = map(environment.get_template, ("index.html", "task.html", "entry.html"))
    pages = {"index.html": index.render(page=index_page(rankings))}
    for name, task_rankings in rankings.items():
        pages[f"{name}.html"] = task.render(page=task_page(task_rankings))
        for ranking in task_rankings:
            for row in ranking.rows:
                page = entry_page(row, ranking)
                pages[page.entry.page] = entry.render(page=page)
    return pages


def _refuse_unsafe_names(results: Sequence[Result]) -> None:
    problems = {
        f"task {result.task['name'][:200]!r}: a name is a-z, 0-9 and -, and not 'index'"
        for result in results
        if not TASK_NAME.fullmatch(result.task["name"])
    }
    problems |= {
        f"task {result.task['name'][:200]!r}: entry {result.entry['id'][:200]!r}: a name is {SAFE_NAME_RULE}"
        for result in results
        if not SAFE_NAME.fullmatch(result.entry["id"])
    }
    entries: set[tuple[str, str]] = set()
    pages = {result.task["name"]: f"task {result.task['name'][:200]!r}" for result in results}
    for result in results:
        key = result.task["name"], result.entry["id"]
        page, what = "--".join(key), f"task {key[0][:200]!r}: entry {key[1][:200]!r}"
        if key in entries:
            problems.add(f"{what} comes more than once")
        elif page in pages:
            problems.add(f"{what} and {pages[page]} would share the page {page[:200]}.html")
        entries.add(key)
        pages.setdefault(page, what)
    if problems:
        raise DataError(
            "no leaderboard can be built from these results",
            sorted(problems),
            hint="remove the faulty files from leaderboard/results, then: bench publish",
        )
