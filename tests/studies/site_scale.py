"""How the site grows: build time and page weights of 25 to 200 entries on five tasks, and speed in a browser.

    python tests/studies/site_scale.py [--sizes 25 50 100 200] [--save]

Results are made up: five tasks of four classes and twelve recordings with counts, as a frame task has them.
In headless Chromium the page of a task with 200 entries is sorted by every column, filtered, searched;
each time is from the event to the next forced layout. `--save` writes records/site_scale.json.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np

from bench.pages import rank, render
from bench.pages.environment import environment_of_pages
from bench.pages.exports import downloads
from bench.pages.task_page import task_page
from bench.results import Result, parse

ROOT = Path(__file__).parent.parent.parent
TASKS, SIZES = 5, (25, 50, 100, 200)
MEASURE = """
const layout = () => document.body.getBoundingClientRect().height;
const timed = (act) => {
  const start = performance.now();
  act();
  layout();
  return performance.now() - start;
};
const box = document.querySelector("input[type=search]");
const type = (words) => { box.value = words; box.dispatchEvent(new Event("input")); };
const found = { sort: [], search: [], filter: [], columns: [] };
for (let turn = 0; turn < 3; turn += 1) {
  for (const button of document.querySelectorAll("table.wide thead button")) {
    if (!button.closest("th").hidden) found.sort.push(timed(() => button.click()));
  }
  for (const words of ["e", "entry 1", "entry 19", "nobody", ""]) found.search.push(timed(() => type(words)));
  for (const choice of document.querySelectorAll(".search select")) {
    for (const option of choice.options) found.filter.push(timed(() => {
      choice.value = option.value;
      choice.dispatchEvent(new Event("change"));
    }));
    choice.value = "";
    choice.dispatchEvent(new Event("change"));
  }
  for (const tick of document.querySelectorAll(".menu input")) found.columns.push(timed(() => tick.click()));
}
document.title = "measured" + JSON.stringify(found);
"""


def made_up(entries: int) -> list[Result]:
    """Return results of so many entries on each of five tasks, from one committed result by a seeded draw."""
    file = ROOT / "leaderboard" / "results" / "rat-dyads--gbdt.json"
    base, random = parse(json.loads(file.read_bytes())), np.random.default_rng(0)
    results = []
    for number in range(TASKS):
        task = {**base.task, "name": f"task-{number}", "title": f"Task {number}"}
        for k, value in enumerate(random.uniform(0.2, 0.9, entries).tolist()):
            shift = value - base.scores["f1"].value
            left_out = [one + shift for one in base.scores["f1"].left_out]
            f1 = replace(
                base.scores["f1"], value=value, low=value - 0.05, high=value + 0.05, left_out=left_out
            )
            entry = {
                **base.entry,
                "id": f"entry-{k}",
                "name": f"Entry {k}",
                "causal": k % 2 == 0,
                "parameters": 1000 * (k + 1),
                "flops_per_frame": 10_000 * (k + 1),
            }
            results.append(replace(base, task=task, entry=entry, scores={**base.scores, "f1": f1}))
    return results


def page_of_most() -> str:
    """Return the page of one task with 200 entries."""
    of_task = [result for result in made_up(max(SIZES)) if result.task["name"] == "task-0"]
    page = task_page(rank(of_task))
    return (
        environment_of_pages()
        .get_template("task.html")
        .render(page=page, downloads=downloads(page), history=())
    )


def built(entries: int) -> dict[str, Any]:
    """Return what a build of so many entries takes and weighs."""
    results = made_up(entries)
    start = time.perf_counter()
    pages = render(results)
    seconds = time.perf_counter() - start
    weight = {name: len(text.encode()) for name, text in pages.items()}
    return {
        "entries": entries,
        "pages": len(pages),
        "seconds": round(seconds, 1),
        "index_kB": round(weight["index.html"] / 1000, 1),
        "task_kB": round(weight["task-0.html"] / 1000, 1),
        "compare_kB": round(weight["task-0.compare.html"] / 1000, 1),
        "entry_kB": round(weight["task-0--entry-0.html"] / 1000, 1),
        "all_MB": round(sum(weight.values()) / 1e6, 1),
    }


def in_browser(page: str, folder: Path) -> dict[str, Any]:
    """Return the milliseconds of sorts, searches, filters and columns on a page: median and greatest."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    text = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    path = folder / "task.html"
    path.write_text(text.replace("</body>", f"<script>{MEASURE}</script></body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000", "--dump-dom"]
    done = subprocess.run([browser, *options, path.as_uri()], capture_output=True, check=True, timeout=300)
    held = re.search("<title>measured(.*?)</title>", done.stdout.decode(), re.DOTALL)
    if held is None:
        raise SystemExit("the browser measured nothing")
    times = json.loads(unescape(held[1]))
    return {
        name: {
            "times": len(all_),
            "median_ms": round(float(np.median(all_)), 1),
            "greatest_ms": round(max(all_), 1),
        }
        for name, all_ in times.items()
    }


def main() -> None:
    """Print the record, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="entries of each task")
    parser.add_argument("--save", action="store_true", help="write records/site_scale.json")
    options = parser.parse_args()
    record: dict[str, Any] = {"tasks": TASKS, "builds": []}
    for entries in options.sizes:
        row = built(entries)
        record["builds"].append(row)
        print(row, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        record["browser"] = in_browser(page_of_most(), Path(folder))
    print(json.dumps(record["browser"], indent=1))
    if options.save:
        file = Path(__file__).parent / "records" / "site_scale.json"
        file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
