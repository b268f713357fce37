"""The static leaderboard: results in, pages out.

`render` is pure: the same results, in any order, give the same bytes. Results become typed pages
(`index_page`, `task_page`, `entry_page`, with facts from `facts` and drawings from `charts`), and templates
show their fields. `publish` is the one function here that writes. The pages need no server, ask for nothing
outside themselves and trust no text: what a submission says about itself is shown, bounded in length, as text
and nothing else.

Order       Rankings hold only numbers that can be compared (`Terms`); the newest metrics version comes
            first, then the ranking with most entries. Within one, entries stand by the value of the
            task's first metric; equal values share a rank and stand by entry id; undefined is last.
Undefined   Shown as a dash that says so, never as 0.
"""

from bench.pages.charts import PLOTTED
from bench.pages.exports import FORMATS, as_markdown, short_table
from bench.pages.publishing import page_of, publish, publish_results
from bench.pages.ranking import Ranking, Ranks, Row, Terms, rank, ranking_score
from bench.pages.site import render
from bench.pages.view_page import view_page
from bench.pages.words import clean, link, number

__all__ = [
    "FORMATS",
    "PLOTTED",
    "Ranking",
    "Ranks",
    "Row",
    "Terms",
    "as_markdown",
    "clean",
    "link",
    "number",
    "page_of",
    "publish",
    "publish_results",
    "rank",
    "ranking_score",
    "render",
    "short_table",
    "view_page",
]
