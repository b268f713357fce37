"""The leaderboard: no text of a submission is more than text, and no page asks for anything outside."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import RESULTS, Page, details, entry, metric, page, result, score, task

from bench.errors import DataError, UsageError
from bench.pages import clean, link, publish, render
from bench.resources import resource
from bench.results import Result

ELEMENTS = re.compile(
    "html|head|meta|title|style|script|body|header|main|footer|section|article|nav|figure|figcaption|h[1-3]|p"
    "|ul|li|div|span|dl|dt|dd|a|code|pre|small|strong|bdi|table|caption|thead|tbody|tr|th|td"
    "|form|label|select|option|button|noscript|br|svg|g|desc|line|circle|text|path|details|summary"
)
ATTRIBUTES = re.compile(
    "lang|charset|http-equiv|content|name|class|id|href|rel|title|role|tabindex|scope|colspan|data-value"
    "|data-(?:first|name|by|group|folded|title|compare|id|mark|timing|extra|recipe|runs|entry|has)|download|value|type|aria-label|aria-labelledby|aria-hidden|aria-sort|width|height|[xy][12]?|c[xy]|r|text-anchor|d|viewbox|open"
)
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    "</title><h1>mine</h1>",
    "</desc></svg><img src=x onerror=alert(1)>",
    "<img src=https://evil.example/x.png>",
    "<svg/onload=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    '"><iframe src="https://evil.example"></iframe>',
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "//evil.example/x",
    "http://evil.example/x",
    "https://user@evil.example/",
    'https://evil.example/"onclick="alert(1)',
    "{{7*7}}{% for x in y %}{# #}",
    "&lt;script&gt;&#60;b&#62;&quot;",
    "\u202eevil\u2066 \u200f\u05d0\u05d1",
    "nul \x00 bell \x07 escape \x1b[31m",
    "half a pair \ud800",
    "<!-- ]]> --!> <![CDATA[",
    "`${alert(1)}`",
    "w" * 5000,
    "<script>" + "\u202ex=" * 33_000,
]


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_pages_hold_allowed_elements_and_ask_for_nothing_outside(count: int) -> None:
    results = [result(f"model-{k}", (k * 37 % 101) / 101) for k in range(count)]
    for text in render(results).values():
        made = Page(text)
        for tag, attributes in made.elements:
            assert ELEMENTS.fullmatch(tag)
            assert all(map(ATTRIBUTES.fullmatch, attributes))
        ids = [attributes["id"] for _, attributes in made.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        for anchor in made.all("a"):
            target = anchor["href"]
            if target.startswith("#"):
                assert target[1:] in ids
            elif target.startswith("data:"):  # a table to save, from the page itself
                assert re.fullmatch(r"data:(text|application)/[a-z-]+;charset=utf-8;base64,[\w+/=]+", target)
                assert "html" not in target.partition(";")[0]
                assert re.fullmatch(r"[a-z0-9-]+\.(csv|json|tex|md)", anchor["download"])
            elif not re.fullmatch(r"[a-z0-9-]+(\.compare)?\.html(#definitions)?", target):
                assert target.startswith("https://")
                assert anchor["rel"] == "noopener noreferrer nofollow"
        outside = text.replace('href="https://', "").replace(">https://example.org", ">")
        assert "http:" not in outside
        assert "https:" not in outside
        assert "url(" not in outside
        assert "@import" not in outside


def test_the_policy_allows_exactly_the_inline_style_and_script() -> None:
    made = page(RESULTS)
    policy = next(meta["content"] for meta in made.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'; ")
    for tag, file in (("style", "style.css"), ("script", "table.js")):
        source = (resource("templates", "leaderboard/templates") / file).read_text(encoding="utf-8")
        assert made.inline[tag] == source
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(", made.inline["script"]
    )


def hostile_results(text: str) -> list[Result]:
    words = ["name", "licence", "code", "paper", "description", "remark", "extra_data", "output", "hardware"]
    card = entry("x", authors=[text, text], **dict.fromkeys(words, text))
    parts = ["one", text]
    question = task(
        title=text,
        question=text,
        reference=text,
        classes=["attack", text],
        background=text,
        parts=[{"name": "one", "title": text}, {"name": text, "title": text}],
        protocol={"name": text, "description": f"x{text}"},
        metrics=[metric("f1", text, definition=text, reference=text, unit=text), metric(text, text)],
        dataset=dict.fromkeys(["title", "url", "licence", "citation"], text) | {"notes": [text]},
    )
    own = score(0.5, per_class={"attack": 0.25, text: 0.5}, per_run={text: 0.5})
    why = details(["attack", "gone", text], parts, [text, f"2{text}"])
    for of_part in why["parts"].values():
        of_part["confusion"] = [[3, 5], [7, 11]]
    made = result(
        "x", 0.5, entry=card, task=question, scores={"f1": own}, support={"attack": 1, text: 2}, details=why
    )
    return [made, replace(made, metrics_version=2, entry={**card, "id": "x2"})]


@pytest.fixture(scope="module")
def harmless() -> dict[str, str]:
    """Render the pages that all hostile ones are compared with."""
    return render(hostile_results("harmless"))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str, harmless: dict[str, str]) -> None:
    """The page of a hostile submission has element for element the shape of a harmless one."""
    hostile = render(hostile_results(text))
    for name in harmless:
        made = Page(hostile[name])
        assert made.skeleton() == Page(harmless[name]).skeleton()
        assert clean(text, 30).rstrip("…") in made.text
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", hostile[name]
        )
        assert len(hostile[name]) < 200_000
        assert not [a for a in made.all("a") if "evil" in a["href"] and not a["href"].startswith("#")]
        hostile[name].encode()


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://example.org/a?b=c#d", True),
        ("https://arxiv.org/abs/2104.02710", True),
        ("HTTPS://example.org", False),
        ("http://example.org", False),
        ("https://", False),
        ("https://:80", False),
        ("https://[::1", False),
        ("https://a@example.org", False),
        ("https://example.org/ b", False),
        ('https://example.org/"b', False),
        ("https://example.org\\@b", False),
        ("https://example.org/\n", False),
        ("https://example.org/" + "a" * 500, False),
        (" https://example.org", False),
        ("javascript:alert(1)//https://example.org", False),
        ("", False),
        (None, False),
    ],
)
def test_only_plain_https_addresses_are_links(url: str | None, allowed: bool) -> None:
    assert link(url) == (url if allowed else None)


@pytest.mark.parametrize(
    "name",
    ["", "index", "Task", "a/b", "../a", "a b", "a_b", "-a", "a--b", "con", "a.html", "é", "a\n", "a" * 101],
)
def test_unsafe_task_names_are_refused(name: str) -> None:
    """Two hyphens stand between the task and the entry in the name of a page."""
    with pytest.raises(DataError, match="a name is lower-case letters"):
        render([result("a", 0.5, task=task(name=name))])


@pytest.mark.parametrize("name", ["", "A", "a/b", "../a", "a b", "a.b", "-a", "é", "a\n", "a" * 101])
def test_unsafe_entry_names_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="a name is lower-case letters"):
        render([result(name, 0.5)])


def test_every_fault_is_listed_at_once() -> None:
    with pytest.raises(DataError) as caught:
        render([result("a", 0.5), result("a", 0.6), result("b", 0.5, task=task(name="No"))])
    assert len(caught.value.problems) == 2
    assert "entry 'a' comes more than once" in str(caught.value)
    assert "bench publish" in str(caught.value)


@pytest.mark.parametrize(
    "broken",
    [
        result("a", 0.5, entry={"id": "a", "name": "A"}),
        result("a", 0.5, entry=entry("a", parameters="many")),
        result("a", 0.5, task=task(metrics=[])),
        result("a", 0.5, task={"name": "toy-task"}),
        result("a", 0.5, entry={}),
        result("a", 0.5, details={"parts": {"all": {}}}),
        result("a", 0.5, details=details() | {"runs": 0}),
        result("a", 0.5, details=details(["attack", "mount"])),
    ],
)
def test_a_malformed_result_is_a_data_error(broken: Result) -> None:
    with pytest.raises(DataError, match="no leaderboard can be built"):
        render([broken])


def test_publish_writes_whole_pages_and_removes_only_its_own_old_ones(tmp_path: Path) -> None:
    site = tmp_path / "deep" / "site"
    publish(render([*RESULTS, replace(RESULTS[0], task=task(name="gone"))]), site)
    assert (site / "gone.html").exists()
    assert (site / "gone--b.html").exists()
    (site / "notes.html").write_text("<p>somebody's own</p>")
    pages = render(RESULTS)
    assert publish(pages, site) == site / "index.html"
    entries = [f"toy-task--{id_}.html" for id_ in "abcde"]
    assert sorted(path.name for path in site.iterdir()) == sorted(
        ["index.html", "notes.html", "toy-task.html", *entries]
    )
    assert {name: (site / name).read_bytes().decode() for name in pages} == pages


def test_publish_into_a_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("")
    with pytest.raises(UsageError, match="is a file, expected a folder"):
        publish(render([]), tmp_path / "site")
