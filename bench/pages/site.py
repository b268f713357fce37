"""From results to the text of every page. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jinja2 import UndefinedError

from bench.errors import DataError
from bench.evaluation import task_card
from bench.files.lookalikes import skeleton
from bench.history import Line, best_by_day
from bench.pages.compare_page import compare_name, compare_page
from bench.pages.entry_page import entry_page
from bench.pages.environment import environment_of_pages, own_script
from bench.pages.ethogram_page import Poses, ethogram_pages
from bench.pages.exports import downloads
from bench.pages.index_page import index_page
from bench.pages.printed_page import printed_page
from bench.pages.ranking import rank
from bench.pages.reference_pages import audit_page, metrics_page
from bench.pages.task_page import TaskPage, task_page, unscored_page
from bench.pages.view_page import ethogram_html
from bench.published import audit_papers
from bench.results import Result
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE
from bench.tasks import TASK_NAME, TASK_NAME_RULE, Task
from bench.text import card_per_minute, per_minute


def render(
    results: Sequence[Result],
    published: Sequence[Task] = (),
    poses: Poses | None = None,
    curves: Sequence[Mapping[str, Any]] = (),
    history: Sequence[Line] = (),
) -> dict[str, str]:
    """Return the site as file name -> text.

    Pages are `index.html`, `<task>.html`, `<task>.compare.html` and `<task>--<entry>.html`. Recordings whose
    bouts lie beside results have `<task>--<recording>.ethogram.html`, with the poses that `poses` gives.

    `published` are tasks that papers print numbers of: those without a result have a page too, and there are
    `audit.html`, `metrics.html` and `tables.html`. `curves` are sound files of `bench curve`: those of fewer
    labels are drawn on the page of the entry that is called like their model. `history` are lines of a log.

    Raises `DataError` where a name is unsafe as a file name, an entry comes twice, or a result lacks what a
    page shows.
    """
    try:
        _refuse_unsafe_names(results)
        return _pages(results, published, poses, curves, history)
    except (UndefinedError, LookupError, TypeError, ValueError, AttributeError) as fault:
        raise DataError(
            "no leaderboard can be built from these results",
            [f"{type(fault).__name__}: {fault}"],
            hint="score the submissions again: bench evaluate submissions/<entry>",
        ) from fault


def _pages(
    results: Sequence[Result],
    published: Sequence[Task],
    poses: Poses | None,
    curves: Sequence[Mapping[str, Any]],
    history: Sequence[Line],
) -> dict[str, str]:
    tasks: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: (result.task["name"], result.entry["id"])):
        tasks.setdefault(result.task["name"], []).append(per_minute(result))
    rankings = {name: rank(told_apart(task_results)) for name, task_results in tasks.items()}
    environment = environment_of_pages()
    index, task, entry = map(environment.get_template, ("index.html", "task.html", "entry.html"))
    unscored = [
        unscored_page(card_per_minute(task_card(one))) for one in published if one.name not in rankings
    ]
    pages = {
        "index.html": index.render(
            page=index_page(rankings, unscored), reference=bool(published), **own_script("index.js")
        )
    }
    if published:
        pages["audit.html"] = environment.get_template("audit.html").render(page=audit_page(audit_papers()))
        pages["tables.html"] = environment.get_template("printed.html").render(page=printed_page(results))
        pages["metrics.html"] = environment.get_template("metrics.html").render(page=metrics_page())
    for page in unscored:
        pages[f"{page.task.name}.html"] = task.render(page=page, downloads=downloads(page), history=())
    labels = {(c["task"]["name"], c["model"]["name"]): c for c in curves if c["varied"] == "labels"}
    for name, task_rankings in rankings.items():
        made = task_page(task_rankings)
        steps = best_by_day(history, task_rankings[0].rows[0].result)
        pages[f"{name}.html"] = task.render(page=made, downloads=downloads(made), history=steps)
        if compared := compare_page(task_rankings[0]):
            page_of_two = environment.get_template("compare.html")
            pages[compare_name(name)] = page_of_two.render(page=compared, **own_script("compare.js"))
        for ranking in task_rankings:
            for row in ranking.rows:
                shown = entry_page(row, ranking, labels.get((name, row.result.entry["id"])))
                pages[shown.entry.page] = entry.render(page=shown)
        for recording in ethogram_pages(task_rankings, poses):
            pages[recording.page] = ethogram_html(recording)
    return pages


def page_of_results(results: Sequence[Result], task: Task) -> TaskPage:
    """Return the page of a task with these results of it; without any, of what papers print."""
    if not results:
        return unscored_page(card_per_minute(task_card(task)))
    return task_page(rank(told_apart([per_minute(result) for result in results])))


def told_apart(results: Sequence[Result]) -> list[Result]:
    """Return one task's results, with the entry's id behind every name that reads like another one's.

    Names read alike where they differ in case, in spaces, in the way that Unicode writes a letter, or in
    letters that look the same.
    """
    read = Counter(skeleton(result.entry["name"]) for result in results)
    if not results or max(read.values()) == 1:
        return list(results)
    named = [
        {**result.entry, "name": f"{result.entry['name']} ({result.entry['id']})"}
        if read[skeleton(result.entry["name"])] > 1
        else result.entry
        for result in results
    ]
    return told_apart([replace(result, entry=entry) for result, entry in zip(results, named, strict=True)])


def _refuse_unsafe_names(results: Sequence[Result]) -> None:
    problems = {
        f"task {result.task['name'][:200]!r}: a name is {TASK_NAME_RULE}"
        for result in results
        if not TASK_NAME.fullmatch(result.task["name"])
    }
    problems |= {
        f"task {result.task['name'][:200]!r}: entry {result.entry['id'][:200]!r}: a name is {SAFE_NAME_RULE}"
        for result in results
        if not SAFE_NAME.fullmatch(result.entry["id"])
    }
    entries = Counter((result.task["name"], result.entry["id"]) for result in results)
    problems |= {
        f"task {task[:200]!r}: entry {entry[:200]!r} comes more than once"
        for (task, entry), times in entries.items()
        if times > 1
    }
    if problems:
        raise DataError(
            "no leaderboard can be built from these results",
            sorted(problems),
            hint="remove the faulty files from leaderboard/results, then: bench publish",
        )
