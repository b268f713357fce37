"""The static leaderboard: results in, pages out.

`render` is pure: the same results, in any order, give the same bytes. `publish` is the one function
here that writes. The pages need no server, ask for nothing outside themselves and trust no text:
what a submission says about itself is shown, bounded in length, as text and nothing else.

Order       Rankings hold only numbers that can be compared (`Terms`); the newest metrics version comes
            first, then the ranking with most entries. Within one, entries stand by the value of the
            task's first metric; equal values share a rank and stand by entry id; undefined is last.
Undefined   Shown as a dash that says so, never as 0.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from bench.errors import DataError, UsageError, first
from bench.report import interval_statement, per_minute
from bench.resources import resource
from bench.results import Result, Score

TASK_NAME = re.compile(r"(?!index$)[a-z0-9][a-z0-9-]{0,99}")
"""Names that are safe as `<task>.html` beside `index.html`."""
MAIN_METRICS = 4
"""Metrics in the ranking itself; the table of all numbers below it has the others too."""
MAIN_CLASSES = 6
"""Tasks of more classes show them only in the table by class."""
PLOTTED = 40
GENERATOR = '<meta name="generator" content="rodent-bench">'
"""Marks a page as ours, so that `publish` may remove it when its task is gone."""

# Control characters and lone surrogates have no place in a page, and the bidirectional overrides
# would let a name rearrange its neighbours.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_HTTPS = re.compile(r"https://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,500}")  # the characters of RFC 3986


@dataclass(frozen=True)
class Terms:
    """What two numbers must share to stand in one ranking."""

    metrics_version: int
    ranking_metric: str
    protocol: str
    classes: tuple[str, ...]
    background: str
    parts: tuple[str, ...]
    split: str
    truth: str

    def differences(self, other: Terms) -> list[str]:
        """Say, one per term, what differs from `other`."""
        mine, theirs = asdict(self), asdict(other)
        return [
            f"{name.replace('_', ' ')} {_brief(mine[name])}, not {_brief(theirs[name])}"
            for name in mine
            if mine[name] != theirs[name]
        ]


@dataclass(frozen=True)
class Row:
    """One entry of a ranking; no rank where its value is undefined."""

    rank: int | None
    result: Result

    @property
    def anchor(self) -> str:
        """The place of the entry on the page, safe in an attribute and in a link."""
        return "entry-" + quote(shown(self.result.entry["id"], 100), safe="")


@dataclass(frozen=True)
class Mark:
    """One entry in the plot, placed in percent of the width; no ends where there is no interval."""

    name: str
    value: float
    low: float
    high: float
    at: str
    ends: tuple[str, str] | None
    top: int


@dataclass(frozen=True)
class Plot:
    """Values with their intervals, one row per entry, over an axis of round numbers."""

    marks: tuple[Mark, ...]
    ticks: tuple[tuple[str, str], ...]
    height: int
    left_out: int


@dataclass(frozen=True)
class Ranking:
    """Entries whose numbers can be compared, best first."""

    terms: Terms
    apart: tuple[str, ...]
    """What differs from the first ranking of the task; empty for the first."""
    metrics: tuple[Mapping[str, Any], ...]
    """Every metric that an entry here was scored by; the first ranks."""
    rows: tuple[Row, ...]
    plot: Plot | None

    @property
    def size(self) -> int:
        """How many entries it ranks."""
        return len(self.rows)

    @property
    def first(self) -> Result:
        """The best entry."""
        return self.rows[0].result

    @property
    def main(self) -> tuple[Mapping[str, Any], ...]:
        """The metrics beside the ranking one that the ranking shows."""
        return self.metrics[1:MAIN_METRICS]

    @property
    def tied(self) -> int:
        """How many entries share the first rank."""
        return sum(row.rank == 1 for row in self.rows)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that have values of their own under the ranking metric, in the task's order."""
        seen = {name for row in self.rows if (score := ranking_score(row.result)) for name in score.per_class}
        return tuple(name for name in self.terms.classes if name in seen)

    @property
    def intervals(self) -> dict[str, list[str]]:
        """How the intervals were made -> the entries whose intervals were made so."""
        made: dict[str, list[str]] = {}
        for row in self.rows:
            made.setdefault(interval_statement(row.result.interval), []).append(row.result.entry["name"])
        return made


def render(results: Sequence[Result]) -> dict[str, str]:
    """Return the site as file name -> text: `index.html` and one `<task>.html` per task.

    Raises `DataError` where a task's name is unsafe as a file name, an entry comes twice, or a result
    lacks what a page shows.
    """
    try:
        _check(results)
        return _pages(results)
    except (UndefinedError, LookupError, TypeError, ValueError, AttributeError) as fault:
        raise DataError(
            "these results make no leaderboard",
            [f"{type(fault).__name__}: {fault}"],
            hint="score the submissions again: bench evaluate submissions/<entry>",
        ) from fault


def _pages(results: Sequence[Result]) -> dict[str, str]:
    tasks: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: (result.task["name"], result.entry["id"])):
        tasks.setdefault(result.task["name"], []).append(per_minute(result))
    rankings = {name: rank(of_task) for name, of_task in tasks.items()}
    environment = _environment()
    pages = {"index.html": environment.get_template("index.html").render(tasks=rankings)}
    for name, of_task in rankings.items():
        page = environment.get_template("task.html")
        pages[f"{name}.html"] = page.render(task=of_task[0].first.task, rankings=of_task)
    return pages


def rank(results: Sequence[Result]) -> tuple[Ranking, ...]:
    """Return the rankings of one task's results, the one that counts first."""
    groups: dict[Terms, list[Result]] = {}
    for result in sorted(results, key=lambda result: result.entry["id"]):
        groups.setdefault(terms(result), []).append(result)
    order = sorted(groups, key=lambda key: (-key.metrics_version, -len(groups[key]), repr(key)))
    return tuple(_ranking(key, groups[key], order[0]) for key in order)


def terms(result: Result) -> Terms:
    """Return what a result's numbers share with those that they can be compared with."""
    task = result.task
    return Terms(
        metrics_version=result.metrics_version,
        ranking_metric=task["metrics"][0]["name"],
        protocol=task["protocol"]["name"],
        classes=tuple(task["classes"]),
        background=task["background"] or "none",
        parts=tuple(part["name"] for part in task["parts"]),
        split=result.split_digest,
        truth=result.truth_digest,
    )


def ranking_score(result: Result) -> Score | None:
    """Return the score that ranks; None where the entry was not scored by that metric."""
    return result.scores.get(result.task["metrics"][0]["name"])


def shown(text: str, limit: int = 2000) -> str:
    """Return text fit for a page: one line, no control characters, at most `limit` characters."""
    line = _UNPRINTABLE.sub("\ufffd", " ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def link(url: str | None) -> str | None:
    """Return the address if a page may link to it: https, a host, no user name, 500 characters at most."""
    if url is None or not _HTTPS.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.hostname and "@" not in parts.netloc else None


def number(value: float) -> str:
    """Return three decimals with a true minus sign; a value that rounds to zero has none."""
    if math.isinf(value):
        return "∞" if value > 0 else "\N{MINUS SIGN}∞"
    text = f"{value:.3f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _check(results: Sequence[Result]) -> None:
    problems = {
        f"task {result.task['name'][:200]!r}: a name is a-z, 0-9 and -, and not 'index'"
        for result in results
        if not TASK_NAME.fullmatch(result.task["name"])
    }
    seen: set[tuple[str, str]] = set()
    for result in results:
        key = result.task["name"], result.entry["id"]
        if key in seen:
            problems.add(f"task {key[0][:200]!r}: entry {key[1][:200]!r} comes more than once")
        seen.add(key)
    if problems:
        raise DataError(
            "these results make no leaderboard",
            sorted(problems),
            hint="remove the faulty files from leaderboard/results, then: bench publish",
        )


def _ranking(key: Terms, results: Sequence[Result], leading: Terms) -> Ranking:
    metrics = {metric["name"]: metric for result in results for metric in result.task["metrics"]}
    sign = 1.0 if metrics[key.ranking_metric]["higher_is_better"] else -1.0

    def merit(result: Result) -> float:
        score = ranking_score(result)
        return -math.inf if score is None or math.isnan(score.value) else sign * score.value

    ordered = sorted(results, key=merit, reverse=True)  # stable: equal values stay by entry id
    merits = [merit(result) for result in ordered]
    rows = tuple(
        Row(None if value == -math.inf else 1 + merits.index(value), result)
        for value, result in zip(merits, ordered, strict=True)
    )
    return Ranking(key, tuple(key.differences(leading)), tuple(metrics.values()), rows, _plot(rows))


def _plot(rows: Sequence[Row]) -> Plot | None:
    drawn = [(row, score) for row in rows if row.rank and (score := ranking_score(row.result))]
    if not drawn:
        return None
    kept = drawn[:PLOTTED]
    reach = [end for _, score in kept for end in (score.value, score.low, score.high) if not math.isnan(end)]
    ticks, digits = _ticks(min(reach), max(reach))

    def place(value: float) -> str:
        return f"{2 + 96 * (value - ticks[0]) / (ticks[-1] - ticks[0]):.2f}%"

    marks = tuple(
        Mark(
            name=shown(row.result.entry["name"], 40),
            value=score.value,
            low=score.low,
            high=score.high,
            at=place(score.value),
            ends=None if math.isnan(score.low + score.high) else (place(score.low), place(score.high)),
            top=38 * index,
        )
        for index, (row, score) in enumerate(kept)
    )
    labels = tuple((place(tick), f"{tick:.{digits}f}".replace("-", "\N{MINUS SIGN}")) for tick in ticks)
    return Plot(marks, labels, 38 * len(marks), len(drawn) - len(kept))


def _ticks(low: float, high: float) -> tuple[list[float], int]:
    """Return three to seven round numbers that enclose `low` and `high`, and the decimals to write."""
    span = high - low or 0.1 * max(abs(high), 1.0)
    magnitude = math.floor(math.log10(span / 4))
    scale = 10.0**magnitude
    factor = next(factor for factor in (1, 2, 5, 10) if factor * scale >= span / 4)
    step = factor * scale
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return [tick * step for tick in range(first, last + 1)], max(0, -magnitude - (factor == 10))


def _brief(term: object) -> str:
    if isinstance(term, tuple):
        return "(" + ", ".join(map(str, term)) + ")"
    return str(term)[:12] if re.fullmatch("[0-9a-f]{40,}", str(term)) else str(term)


def _environment() -> Environment:
    """Return the templates with everything they may call; all text is escaped and made printable."""
    folder = resource("templates", "leaderboard/templates")
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("style.css", "table.js"))
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: shown(value) if type(value) is str else value,
    )
    environment.filters.update(number=number, exact=lambda value: repr(float(value)), shown=shown, link=link)
    environment.tests["undefined_number"] = lambda value: value is None or math.isnan(value)
    environment.globals.update(
        generator=Markup(GENERATOR),  # noqa: S704
        style=Markup(style),  # noqa: S704  our own files, inlined whole so that a page is one file
        script=Markup(script),  # noqa: S704
        policy=f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'",
        ranking_score=ranking_score,
        main_classes=MAIN_CLASSES,
    )
    return environment


def _source(text: str) -> str:
    """Return the content-security source of this inline text alone; in a file, 'self' would name nothing."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def publish(pages: Mapping[str, str], folder: Path) -> Path:
    """Write the pages into a folder, each in one step and the index last; return the index.

    Pages of a former build whose task is gone are removed; no other file is touched. Raises
    `UsageError` where the folder cannot be written, or a page of somebody else's stands in the way.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = [name for name in sorted(pages) if not _ours(folder / name)]
        if foreign:
            raise UsageError(
                f"{folder} holds pages that `bench publish` did not make",
                first(f"{name} would be written over" for name in foreign),
                hint="choose another folder with --out",
            )
        for name in sorted(pages, key=lambda name: (name == "index.html", name)):
            temporary = folder / f".{name}.part"
            temporary.write_bytes(pages[name].encode())
            temporary.replace(folder / name)
        for path in sorted(folder.glob("*.html")):
            if path.name not in pages and _ours(path):
                path.unlink()
    except OSError as fault:
        raise UsageError(f"the site cannot be written to {folder}", [str(fault)]) from fault
    return folder / "index.html"


def _ours(path: Path) -> bool:
    """Whether a page may be written over: there is none, or it is of a former build."""
    return not path.is_file() or GENERATOR.encode() in path.read_bytes()
