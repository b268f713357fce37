"""The templates and all that they may call. Text is escaped and made printable."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.about import NAME, TITLE
from bench.pages.words import amount, clean, link, number
from bench.resources import resource
from bench.text import DETECTION_FORMS

GENERATOR = f'<meta name="generator" content="{NAME}">'
"""Marks a page as ours, so that `publish` may replace or remove it."""


@cache
def environment_of_pages() -> Environment:
    """Return the templates with their filters, tests and constants; they are compiled once."""
    folder = resource("templates", "leaderboard/templates")
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("style.css", "table.js"))
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    environment.filters.update(
        clean=clean,
        lines=lambda text: Markup("\n").join(clean(line) for line in text.splitlines()),
        number=number,
        exact=lambda value: repr(float(value)),
        link=link,
        amount=amount,
        whole=lambda value: f"{value:,}",
        plural=lambda count, one, many: one if count == 1 else many,
    )
    environment.tests["nan"] = math.isnan
    environment.globals.update(
        title_of_project=TITLE,
        generator=Markup(GENERATOR),  # noqa: S704
        style=Markup(style),  # noqa: S704  our own files, inlined whole so that a page is one file
        script=Markup(script),  # noqa: S704
        policy=policy(style, script),
        detection_forms=DETECTION_FORMS,
    )
    return environment


def policy(style: str, script: str) -> str:
    """Return the content-security policy of a page with this inline style and script and nothing else."""
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def own_script(file: str) -> dict[str, str]:
    """Return the variables "script" and "policy" of a page whose script is this file of ours."""
    folder = resource("templates", "leaderboard/templates")
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("style.css", file))
    return {"script": Markup(script), "policy": policy(style, script)}  # noqa: S704


def _source(text: str) -> str:
    """Return the content-security source of this inline text alone; 'self' means nothing in a file."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
