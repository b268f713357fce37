"""Pages that follow from the declarations: tasks, models, metrics, the Python front, tables of studies.

`pages` and `filled` need no mkdocs; the functions `on_files` and `on_page_markdown` are what mkdocs calls.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench
from baselines.contract import Baseline
from baselines.models import MODELS, get_baseline
from bench.datasets import TASKS
from bench.hub.card import COLUMNS
from bench.metrics import FAMILIES, METRICS, METRICS_VERSION, Metric, arrays, metric
from bench.tasks import Task
from bench.text import PROCEDURES

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

RECORDS = Path(__file__).parent.parent / "tests" / "studies" / "records"


def pages() -> dict[str, str]:
    """Return every page that is made, by its path: Markdown."""
    made = {"reference/metrics.md": metrics_page(), "reference/python.md": python_page()}
    made["tasks/index.md"] = tasks_index()
    made |= {f"tasks/{task.name}.md": task_card(task) for task in TASKS}
    models = [get_baseline(name) for name in MODELS]
    made["models/index.md"] = models_index(models)
    return made | {f"models/{model.name}.md": model_card(model) for model in models}


def filled(markdown: str) -> str:
    """Return a page with a table in place of each mark such as `{{ levels }}`."""
    for name, table in TABLES.items():
        mark = f"{{{{ {name} }}}}"
        if mark in markdown:
            markdown = markdown.replace(mark, table())
    return markdown


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made to those that are written."""
    from mkdocs.structure.files import File

    for path, content in pages().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables of the studies into a page."""
    return filled(markdown)


# ------------------------------------------------------------------------------------------ tasks
def tasks_index() -> str:
    """Return the list of tasks."""
    rows = [
        [f"[{task.name}]({task.name}.md)", task.title, task.kind, ", ".join(task.classes)] for task in TASKS
    ]
    return f"# Tasks\n\n{_table(['task', 'title', 'answers', 'classes'], rows)}\n"


def task_card(task: Task) -> str:
    """Return the card of a task: all that decides a number, as declared."""
    split, data = task.load_split(), task.dataset
    facts = [
        ("Data", f"{data.title}{' (simulated)' if data.simulated else ''}"),
        ("Address", data.url or "none"),
        ("Licence", data.licence),
        ("Files", data.files),
        ("Frames per second", f"{data.fps:g}"),
        ("Animals", ", ".join(data.animals) or "not declared"),
        ("Keypoints", ", ".join(data.keypoints) or "none: labels alone"),
        ("Answers", task.kind),
        ("Classes", ", ".join(task.classes)),
        ("Background", task.background or "none"),
        ("Classes exclude each other", "yes" if task.exclusive else "no"),
        ("Frames that count", f"{task.protocol.name}: {task.protocol.description}"),
        ("Split", f"{split.name}, decided by: {split.source}"),
        ("Reference", task.reference or "none"),
    ]
    lines = [f"# {task.name}", f"**{_plain(task.title)}**", _plain(task.question), _facts(facts)]
    lines += ["## Split", _plain(split.rule), _split_table(task)]
    ranked = [f"`{each.name}`: {each.title}" for each in task.metrics]
    lines += ["## Metrics", f"The first ranks: {ranked[0]}. Also: {'; '.join(ranked[1:])}."]
    lines += ["## Citation", _plain(data.citation)]
    if data.notes:
        lines += ["## Assumptions and known faults", "\n".join(f"- {_plain(note)}" for note in data.notes)]
    lines += ["## Commands", f"```\nbench data {task.name}\nbench leaderboard {task.name}\n```"]
    return "\n\n".join(lines) + "\n"


def _split_table(task: Task) -> str:
    split = task.load_split()
    rows = [
        [part.name, part.title, *(str(len(split.ids(part.name, side))) for side in ("train", "val", "test"))]
        for part in task.parts
    ]
    return _table(["part", "what it is", "train", "val", "test (recordings)"], rows)


# ----------------------------------------------------------------------------------------- models
def models_index(models: Sequence[Baseline]) -> str:
    """Return the list of models."""
    rows = [
        [f"[{one.name}]({one.name}.md)", one.title, ", ".join(sorted(one.answers)), one.reference]
        for one in models
    ]
    told = "A model is trained with `bench train NAME --task TASK`. Each card says what is as in the paper."
    return f"# Models\n\n{told}\n\n{_table(['model', 'title', 'answers', 'reference'], rows)}\n"


def model_card(model: Baseline) -> str:
    """Return the card of a model: what it is, what it reads, and the recipe with what is ours."""
    facts = [
        ("Reference", model.reference),
        ("Paper", model.paper or "none"),
        ("Answers", ", ".join(sorted(model.answers))),
        ("Reads", ", ".join(sorted(model.reads)) or "nothing of the poses"),
        ("One training for", _served(model)),
        ("Tasks", ", ".join(model.tasks) or "any"),
        ("Comes first", ", ".join(need.model.partition(":")[2] for need in model.needs) or "nothing"),
        ("Looks at recordings without labels", ", ".join(model.unlabelled) or "no"),
        ("Other data", model.extra_data or "none"),
        ("Causal", "yes" if model.causal else "no"),
        ("Devices", ", ".join(sorted(model.devices))),
        ("Extra to install", model.extra or "none"),
    ]
    lines = [f"# {model.name}", f"**{_plain(model.title)}**", _plain(model.description), _facts(facts)]
    module = sys.modules[model.model.partition(":")[0]]
    lines += ["## What is as in the paper, and what is ours", _block(inspect.getdoc(module) or "")]
    if model.recipe is not None:
        words = model.recipe.words(True)
        lines += ["## Recipe", "\n".join(f"- {_plain(word)}" for word in words), _recipe(model.recipe)]
    return "\n\n".join(filter(None, lines)) + "\n"


def _served(model: Baseline) -> str:
    if isinstance(model.serves, tuple):
        return f"the tasks {', '.join(model.serves)}"
    return {"part": "each part of a task", "parts": "all parts of a task"}[model.serves]


def _recipe(recipe: object) -> str:
    if not is_dataclass(recipe):
        return ""
    rows = [[f"`{field.name}`", f"`{getattr(recipe, field.name)!r}`"] for field in fields(recipe)]
    return _table(["setting", "value"], rows)


# ---------------------------------------------------------------------------------------- metrics
def metrics_page() -> str:
    """Return the specification of all metrics, each with its example."""
    head = (
        f"Version {METRICS_VERSION}. The metrics are frozen: when a number of any of them changes, the "
        "version rises. `bench metrics NAME` prints the same. An example is executed by the tests."
    )
    lines = [
        "# Metrics",
        head,
        _block(inspect.getdoc(metric) or ""),
    ]
    examples = _examples()
    for name, module in FAMILIES.items():
        lines += [f"## {name}", _block(inspect.getdoc(module) or "")]
        lines += [text for each in module.METRICS for text in _metric(each, examples)]
    lines.append("## Procedures")
    for name, procedure in PROCEDURES.items():
        lines += [f"### {name}", _block(inspect.getdoc(procedure) or "")]
    return "\n\n".join(lines) + "\n"


def _metric(each: Metric, examples: dict[str, tuple[str, str]]) -> Iterator[str]:
    better = "0 is best" if each.best_at_zero else "higher" if each.higher_is_better else "lower"
    yield f"### {each.name}"
    yield f"**{_plain(each.title)}.** {_plain(each.definition)}"
    yield (
        f"Reads {each.reads}. Better: {better}. Unit: {each.unit or 'none'}. "
        f"Source: {_plain(each.reference) or 'own definition'}."
    )
    if each.name in examples:
        function, example = examples[each.name]
        yield f"In Python `bench.metrics.{function}`:"
        yield f"```python\n{example}\n```"


def _examples() -> dict[str, tuple[str, str]]:
    """Return metric -> its function and the example in the function's docstring."""
    titles = {f"{each.title}. ": each.name for each in METRICS}
    found = {}
    for name, function in vars(arrays).items():
        documented = inspect.getdoc(function) or ""
        if not name.endswith(("_score", "_error")) or ">>>" not in documented:
            continue
        flat = " ".join(documented.split())
        named = max((title for title in titles if flat.startswith(title)), key=len)
        found[titles[named]] = name, documented[documented.index(">>>") :].strip()
    return found


# ------------------------------------------------------------------------------ the Python front
def python_page() -> str:
    """Return the reference of everything that `import bench` offers."""
    names = [name for name in bench.__all__ if name != "metrics"]
    home = {name: inspect.getmodule(getattr(bench, name)) for name in names}
    lines = ["# Python", "`import bench` offers these names. Everything else may change without notice."]
    for name in names:
        module = home[name]
        lines.append(f"::: {module.__name__ if module else 'bench'}.{name}")
    lines += [
        "## Metrics of arrays",
        _block(inspect.getdoc(arrays) or ""),
        "::: bench.metrics.arrays.per_class",
    ]
    functions = sorted(function for function, _ in _examples().values())
    rows = [[f"`bench.metrics.{name}`"] for name in functions]
    lines += ["Each is specified, with an example, under [Metrics](metrics.md).", _table(["function"], rows)]
    lines += [
        "## Windows for a training loop of your own",
        "::: baselines.inputs.dataset",
        "## What a model declares",
        "A model is a `Baseline`; [Plugins](plugins.md) says how one of another package is found.",
        "::: baselines.contract",
    ]
    return "\n\n".join(lines) + "\n"


# ---------------------------------------------------------------------------------------- studies
def levels_table() -> str:
    """Return how often p <= .05 between equal entries, in percent, from the record of the study."""
    rows = [
        [
            f"{row['metric']}, {row['data']}",
            *(str(row[key]) for key in ("groups", "replicates", "swap", "jackknife_t", "before")),
        ]
        for row in _record("levels")
    ]
    return _table(["metric, data", "recordings", "test sets", "swap", "jackknife t", "bootstrap"], rows)


def ranks_table() -> str:
    """Return on how many pages of equal entries any two stand apart, in percent, from the record."""
    keys = ("entries", "data", "groups", "replicates", "apart", "without_test")
    rows = [[str(row[key]) for key in keys] for row in _record("pages")]
    return _table(["entries", "data", "recordings", "pages", "any two stand apart", "without test"], rows)


def shifts_table() -> str:
    """Return how often a true difference is found, in percent, from the record."""
    keys = ("shift", "groups", "replicates", "swap")
    rows = [[str(row[key]) for key in keys] for row in _record("shifts")]
    return _table(["difference in F1", "recordings", "test sets", "found"], rows)


def _record(name: str) -> list[dict[str, Any]]:
    return list(json.loads((RECORDS / "levels.json").read_text(encoding="utf-8"))[name])


TABLES: Mapping[str, Callable[[], str]] = {
    "columns": lambda: COLUMNS,
    "levels": levels_table,
    "ranks": ranks_table,
    "shifts": shifts_table,
}
"""Mark -> the table that takes its place."""


# ------------------------------------------------------------------------------------------ words
def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return _table(["what", "as declared"], [[f"**{name}**", value] for name, value in facts])


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["|".join(["", *headers, ""]), "|".join(["", *["---"] * len(headers), ""])]
    lines += ["|".join(["", *(_cell(cell) for cell in row), ""]) for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def _block(text: str) -> str:
    return f"```text\n{text}\n```"
