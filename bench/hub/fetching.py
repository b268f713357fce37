"""Files out of a repository, one by one: what a server says of them is checked before the client acts on it.

The client names the files of its cache after the headers `ETag`, `X-Linked-Etag` and `X-Repo-Commit`,
whatever they hold, reads as many bytes as come, and waits as long as it is told. Here a name that could leave
the cache, another commit, and more bytes than expected are refused when the answer begins, or as they come.
Xet, the client's other way of transfer, would pass these checks by: it is not used.
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

from bench.errors import DataError, FileError
from bench.files.strict_json import parse_json
from bench.hub.faults import explained

_ETAG = re.compile(r'(W/)?"?[0-9A-Za-z]+(-[0-9A-Za-z]+)*"?')
_LONGEST = 200  # characters of an ETag; a digest has 64
_AT_ONCE = 4  # files
_MESSAGE = 2**20
"""Bytes of an answer that is an error: some words."""
_LISTING = 64 * 2**20
"""Bytes of an answer that says what a repository holds."""
_PATIENCE = 300
"""Seconds: the hub counts requests in windows of five minutes. A longer wait is not done."""
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
def _checked_answers(place: str, commit: str | None) -> Iterator[None]:
    """Check every answer that the client gets while the block runs, whichever session it opens."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils import _http

    make = _http._GLOBAL_CLIENT_FACTORY  # after a lost connection the client opens a session anew

    def checked() -> Any:
        client = make()
        hooks = client.event_hooks
        client.event_hooks = {
            "request": [*hooks.get("request", []), _plain],
            "response": [partial(_check, place, commit), *hooks.get("response", [])],
        }
        return client

    set_client_factory(checked)
    try:
        yield
    finally:
        set_client_factory(make)


def _plain(request: Any) -> None:
    """Ask for the file as it is: a compressed answer says nothing of the size that it grows to."""
    request.headers["Accept-Encoding"] = "identity"


def _check(place: str, commit: str | None, answer: Any) -> None:
    """Raise `DataError` for an answer of the hub that the client must not act on, and bound the others.

    `commit` is that which is asked for; None where a branch is, and the answer is no file.
    """
    headers, (name, most) = answer.headers, _LIMIT.get()
    wrong = _wrong_names(commit, headers) if commit else []
    lengths = {"X-Linked-Size": headers.get("X-Linked-Size")}
    if answer.request.method == "GET":
        if answer.is_success:
            lengths["Content-Length"] = headers.get("Content-Length", "none" if commit else None)
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
    for key in ("Retry-After", "RateLimit"):
        if any(len(n) > 9 or int(n) > _PATIENCE for n in re.findall(r"[0-9]+", headers.get(key, ""))):
            del headers[key]
    for key, value in list(headers.items()):
        if key.lower().startswith("x-xet-") or not value.isprintable():  # the client prints warnings
            headers.pop(key, None)
    answer.stream = _bounded(answer.stream, most if answer.is_success else _MESSAGE, f"{place}: {name}")


def _wrong_names(commit: str, headers: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the names that an answer gives to a file and to its commit."""
    wrong = [
        f"{key}: {value[:_LONGEST]!r}, expected letters and digits"
        for key in ("ETag", "X-Linked-Etag")
        if (value := headers.get(key)) is not None and not (len(value) <= _LONGEST and _ETAG.fullmatch(value))
    ]
    if (named := headers.get("X-Repo-Commit", commit)) != commit:
        wrong.append(f"X-Repo-Commit: {named[:_LONGEST]!r}, expected {commit}")
    return wrong


def _bounded(stream: Any, most: int, place: str) -> Any:
    """Return a stream of an answer that raises `DataError` once more than `most` bytes came."""
    (kind,) = (base for base in type(stream).__mro__ if base.__name__ == "SyncByteStream")  # httpx or httpx2

    def chunks(_: object) -> Iterator[bytes]:
        size = 0
        for chunk in stream:
            size += len(chunk)
            if size > most:
                raise DataError(f"{place}: the hub sends more than {most:,} bytes", hint="bench pull --list")
            yield chunk

    return type("Bounded", (kind,), {"__iter__": chunks, "close": lambda _: stream.close()})()


def commit_of(repo: str, revision: str, again: str) -> str | None:
    """Ask a hub which commit a branch or tag is; None where its answer does not say.

    Raises what `fetch` raises.
    """
    from urllib.parse import quote

    from huggingface_hub import constants, get_session
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import hf_raise_for_status
    from huggingface_hub.utils._validators import validate_repo_id

    with explained(repo, revision, again), _checked_answers(f"{repo} at {revision}", None):
        _LIMIT.set((f"revision {revision}", _LISTING))
        validate_repo_id(repo)
        url = f"{constants.ENDPOINT}/api/datasets/{repo}/revision/{quote(revision, safe='')}"
        with get_session().stream("GET", url, headers=build_hf_headers()) as answer:
            hf_raise_for_status(answer)
            body = answer.read()
    try:
        content = parse_json(body)
    except FileError as fault:
        raise DataError(f"{repo}: the hub's answer cannot be read", [fault.title], hint=again) from fault
    sha = content.get("sha") if isinstance(content, dict) else None
    return sha if isinstance(sha, str) else None
