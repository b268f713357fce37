"""The templates with everything they may call; all text is escaped and made printable."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.about import NAME, TITLE
from bench.pages import costs
from bench.pages.entries import compared
from bench.pages.published import beside
from bench.pages.ranking import ranking_score
from bench.pages.words import link, number, shown
from bench.resources import resource
from bench.text import DETECTION_FORMS, by_family, family_line, interval_statement

MAIN_CLASSES = 6
"""Tasks of more classes show them only in the table by class."""
GENERATOR = f'<meta name="generator" content="{NAME}">'
"""Marks a page as ours, so that `publish` may remove it when its task is gone."""


@cache
def environment_of_pages() -> Environment:
    """Return the templates, compiled once, with all they may call; text is escaped and made printable."""
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
    environment.filters.update(
        number=number,
        exact=lambda value: repr(float(value)),
        shown=shown,
        link=link,
        amount=costs.amount,
    )
    environment.tests["undefined_number"] = lambda value: value is None or math.isnan(value)
    environment.globals.update(
        title_of_project=TITLE,
        generator=Markup(GENERATOR),  # noqa: S704
        style=Markup(style),  # noqa: S704  our own files, inlined whole so that a page is one file
        script=Markup(script),  # noqa: S704
        policy=f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'",
        ranking_score=ranking_score,
        plot_width=costs.WIDTH,
        plot_height=costs.HEIGHT,
        plot_edges={"left": costs.LEFT, "right": costs.RIGHT, "bottom": costs.BOTTOM},
        beside=beside,
        main_classes=MAIN_CLASSES,
        compared=compared,
        detection_forms=DETECTION_FORMS,
        by_family=by_family,
        family_line=family_line,
        interval_statement=interval_statement,
    )
    return environment


def _source(text: str) -> str:
    """Return the content-security source of this inline text alone; in a file, 'self' would name nothing."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
