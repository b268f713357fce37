"""The page of one recording: an ethogram to zoom into, and the poses beside it. One file, no request."""

from __future__ import annotations

import base64
import hashlib
import json

from markupsafe import Markup

from bench.pages.environment import environment_of_pages
from bench.resources import resource
from bench.viewing import View, as_plain


def view_page(seen: View) -> str:
    """Return the page as HTML; its data stand in it, and its script writes text and shapes alone."""
    environment = environment_of_pages()
    folder = resource("templates", "leaderboard/templates")
    script = (folder / "view.js").read_text(encoding="utf-8")
    style = (folder / "style.css").read_text(encoding="utf-8")
    data = json.dumps(as_plain(seen), allow_nan=False).replace("<", "\\u003c")
    return environment.get_template("view.html").render(
        task=seen.task,
        recording=seen.recording,
        sources=seen.sources,
        lanes=len(seen.rows),
        data=Markup(data),  # noqa: S704  JSON without a "<"
        script=Markup(script),  # noqa: S704  our own file
        policy=f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'",
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
