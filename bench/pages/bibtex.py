"""BibTeX of what the site shows: papers whose numbers it repeats, data sets, and the papers of entries.

A source stands as its authors ask to be cited, as one text: nothing is guessed of names or years.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bench.published.tables import Paper
from bench.results import Result
from bench.tasks import Dataset

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def bibtex(papers: Iterable[Paper], datasets: Iterable[Dataset], results: Sequence[Result]) -> str:
    """Return the records of papers, data sets and the papers of entries, each once, in this order."""
    records = [_record(paper.source, paper.citation, paper.url) for paper in papers]
    records += [_record(f"data-{one.name}", one.citation, one.url) for one in datasets]
    cards = {result.entry["paper"]: result.entry for result in results if result.entry.get("paper")}
    records += [
        _record(f"entry-{card['id']}", f"{card['name']}, {', '.join(card['authors'])}", url)
        for url, card in sorted(cards.items())
    ]
    return "\n\n".join(dict.fromkeys(records))


def escaped(text: str) -> str:
    """Return text that LaTeX shows as it stands, on one line."""
    return "".join(_SPECIAL.get(sign, sign) for sign in " ".join(text.split()))


def _record(name: str, citation: str, url: str) -> str:
    key = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    address = re.sub(r"[{}\\%\s]", "", url)
    return f"@misc{{{key},\n  note = {{{escaped(citation)}}},\n  howpublished = {{\\url{{{address}}}}}\n}}"
