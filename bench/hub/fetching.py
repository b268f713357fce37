"""Files out of a repository, one by one: what a server says of them is checked before the client acts on it.

The client names the files of its cache after the headers `ETag`, `X-Linked-Etag` and `X-Repo-Commit`,
whatever they hold, and writes as many bytes as come. Here a name that could leave the cache, another commit,
and more bytes than expected are refused when the answer begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from bench.errors import DataError
from bench.hub.faults import explained

_ETAG = re.compile(r'(W/)?"?[0-9A-Za-z]+(-[0-9A-Za-z]+)*"?')
_LONGEST = 200  # characters of an ETag; a digest has 64
_AT_ONCE = 4  # files
_LIMIT: ContextVar[tuple[str, int]] = ContextVar("limit")
"""The file that a thread fetches, and the most bytes that it may have."""


def fetch(repo: str, commit: str, sizes: Mapping[str, int], again: str) -> Path:
    """Return the folder of the client's cache that holds these files of a commit; fetch what is not there.

    `sizes` is file -> the most bytes that it may have. A file that the cache holds costs no request. Raises
    `DataError` where a file cannot be had, or where the server answers with a name, a commit or a size that
    is not as it should be; `again` is the command that was typed. The other files are fetched all the same.
    """
    from huggingface_hub import hf_hub_download

    def one(name: str) -> Path:
        _LIMIT.set((name, sizes[name]))
        return Path(hf_hub_download(repo, name, repo_type="dataset", revision=commit))

    checked = _checked_answers(f"{repo} at {commit}", commit)
    with explained(repo, commit, again), checked, ThreadPoolExecutor(_AT_ONCE) as pool:
        paths = dict(zip(sizes, pool.map(one, sizes), strict=True))
    (name, path), *_ = paths.items()
    return path.parents[len(PurePosixPath(name).parts) - 1]


@contextmanager
def _checked_answers(place: str, commit: str) -> Iterator[None]:
    """Check every answer that the client gets while the block runs."""
    from huggingface_hub import get_session

    client = get_session()
    hooks = client.event_hooks
    client.event_hooks = {
        "request": [*hooks.get("request", []), _plain],
        "response": [*hooks.get("response", []), partial(_check, place, commit)],
    }
    try:
        yield
    finally:
        client.event_hooks = hooks


def _plain(request: Any) -> None:
    """Ask for the file as it is: a compressed answer says nothing of the size that it grows to."""
    request.headers["Accept-Encoding"] = "identity"


def _check(place: str, commit: str, answer: Any) -> None:
    """Raise `DataError` for an answer of the hub that the client must not act on."""
    headers, (name, most) = answer.headers, _LIMIT.get()
    wrong = [
        f"{key}: {value[:_LONGEST]!r}, expected letters and digits"
        for key in ("ETag", "X-Linked-Etag")
        if (value := headers.get(key)) is not None and not (len(value) <= _LONGEST and _ETAG.fullmatch(value))
    ]
    if (named := headers.get("X-Repo-Commit")) not in (None, commit):
        wrong.append(f"X-Repo-Commit: {named[:_LONGEST]!r}, expected {commit}")
    lengths = {"X-Linked-Size": headers.get("X-Linked-Size")}
    if answer.request.method == "GET" and answer.is_success:
        lengths["Content-Length"] = headers.get("Content-Length", "none")
        if (coding := headers.get("Content-Encoding", "identity")) != "identity":
            wrong.append(f"Content-Encoding: {coding[:_LONGEST]!r}, expected none")
    wrong += [
        f"{key}: {length[:_LONGEST]}, expected at most {most:,} bytes"
        for key, length in lengths.items()
        if length is not None and not (length.isdecimal() and len(length) < 20 and int(length) <= most)
    ]
    if wrong:
        raise DataError(
            f"{place}: the hub gives of {name} what is not written down; nothing was taken",
            wrong,
            hint="take the copy from another hub: unset HF_ENDPOINT, or bench pull --list",
        )
