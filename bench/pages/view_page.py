"""The page of one recording: an ethogram to zoom into, and the poses beside it. One file, no request.

`bench view` makes it of a store and of predictions, the site of the bouts beside results: the page is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from bench.evaluation import task_card
from bench.pages.environment import environment_of_pages, own_script
from bench.pages.ethogram_page import EthogramPage
from bench.viewing import View, as_plain


def view_page(seen: View) -> str:
    """Return the page as HTML; its data stand in it, and its script writes text and shapes alone."""
    return _page(task_card(seen.task), as_plain(seen), site=False)


def ethogram_html(page: EthogramPage) -> str:
    """Return the page of a recording on the site, which leads to the pages of its entries."""
    return _page(page.task, page.data, site=True)


def _page(task: Mapping[str, Any], data: Mapping[str, Any], *, site: bool) -> str:
    written = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    return (
        environment_of_pages()
        .get_template("view.html")
        .render(
            task=task,
            recording=data["recording"],
            last=data["frames"] - 1,
            sources=data["sources"],
            poses=data["poses"] is not None,
            entries=list(zip(data["ids"], data["sources"], strict=True))[1:],
            site=site,
            data=Markup(written),  # noqa: S704  JSON without a "<"
            **own_script("view.js"),
        )
    )
