"""Fuzz of what a hub answers: statuses, headers, bodies and redirects that no hub should give.

The client's session has a transport that answers in this process: no socket, no waiting. Whatever comes, a
pull ends with the recordings that the manifest lists or with an error of the input, and writes nowhere else.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.utils._http import default_client_factory

from bench import hub, store
from bench.datasets import get_dataset, tasks_of
from tests.fuzzing import CASES, bounded_memory, broken, for_each_seed, mutated, refused

DATASET = get_dataset("demo-4x30")
REPO, COMMIT = "lab/demo", "c" * 40
CLIENT = type(huggingface_hub.get_session())
HTTP = importlib.import_module(CLIENT.__module__.partition(".")[0])  # httpx or httpx2
WAIT = 5 * 301 + 60
"""Seconds that a pull may wait in all: five times what a hub's window of five minutes lasts."""
STATUSES = (200, 204, 206, 301, 302, 303, 307, 308, 400, 401, 403, 404, 408, 416, 418, 429, 500, 503, 599)
HEADERS = (
    *("ETag", "X-Linked-Etag", "X-Repo-Commit", "X-Linked-Size", "Content-Length", "Content-Encoding"),
    *("Location", "X-Error-Code", "X-Error-Message", "Retry-After", "RateLimit", "Content-Range", "Link"),
    *("Content-Type", "Content-Disposition", "X-Xet-Hash", "X-Xet-Refresh-Route", "Set-Cookie", "Warning"),
    *("X-HF-Warning", "X-Request-Id"),
)
NUMBERS = ("", "0", "-1", "1", "12", str(2**31), str(2**63), "9" * 5_000, "1e9", "\u00b2", "nan", "none")
VALUES = (
    *NUMBERS,
    *('""', '"../../escaped"', "..", "/escaped", "a" * 300, 'W/"x"', '"a" "b"', "\x1b[2J", "\x00", "é"),
    *("EntryNotFound", "RepoNotFound", "RevisionNotFound", "GatedRepo", "bytes 0-9/5", "bytes */0", "gzip"),
    *('"api";r=0;t=99999999', "Wed, 21 Oct 2099 07:28:00 GMT", 'attachment; filename="../x"', COMMIT, "br"),
    *("file:///etc/passwd", "http://[", "//", "http://", "data:,x", "gopher://x/", "http://a:b@c:99999/"),
    *("http://other/cdn/x", "https://huggingface.co/x", "<http://x>; rel=xet-auth", "\ud800", "http://x y/"),
    *("d" * 40, "?", "#", "\n"),
)
BODIES = (b"", b"null", b"[]", b"[" * 100_000, b'{"sha": 3}', b'{"error": [3]}', b'{"errors": [3]}', b"\xff")

Answer = Callable[[Any], Any]
"""A request -> what a hub answers."""


@dataclass
class Hub:
    """A repository, and what is wrong with the answers about each of its files."""

    files: Mapping[str, bytes]
    status: dict[str, int] = field(default_factory=dict)
    headers: dict[str, dict[str, str | None]] = field(default_factory=dict)
    body: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)
    endless: set[str] = field(default_factory=set)
    at_head: bool = True
    """Whether faults show when a file is asked about, too, or only in its content."""
    requests: int = 0

    def answer(self, request: Any) -> Any:
        """Answer a request, rightly but for the faults."""
        self.requests += 1
        assert self.requests < 500, "the client asks without end"
        name = request.url.path.partition(f"/resolve/{COMMIT}/")[2] or "revision"
        whole = self.files.get(name, b"")
        head, faulty = request.method == "HEAD", self.at_head or request.method != "HEAD"
        body = self.body.get(name, bytes)(whole)
        headers: dict[str, str | None] = {
            "ETag": f'"{hashlib.sha256(whole).hexdigest()}"',
            "X-Repo-Commit": COMMIT,
            "Content-Length": str(len(whole if head and not faulty else body)),
        }
        if faulty:
            headers |= self.headers.get(name, {})
        if faulty and name in self.failure:
            raise getattr(HTTP, self.failure[name])("a line that fails", request=request)
        raw = [(key.encode(), _wire(value)) for key, value in headers.items() if value is not None]
        status = self.status.get(name, 200 if name in self.files else 404) if faulty else 200
        return HTTP.Response(status, headers=raw, stream=stream(b"" if head else body, name in self.endless))


def _wire(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def stream(body: bytes, endless: bool) -> Any:
    """Return a body of a stream; one without end begins anew for 4 GiB."""
    rounds = 2**32 // max(len(body), 2**16) if endless and body else 1
    piece = body * (2**16 // max(len(body), 1) + 1) if endless else body

    class Stream(HTTP.SyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            return (piece for _ in range(rounds))

    return Stream()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a good copy, and what the hub says of its main branch."""
    folder = tmp_path_factory.mktemp("copy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(folder / "home"))
        store.pull_simulated(DATASET)
        listed = hub.repository(DATASET, tasks_of(DATASET), folder / "repo")
    names = ["manifest.json", *listed.shards]
    content = {name: (folder / "repo" / name).read_bytes() for name in names}
    return content | {"revision": json.dumps({"id": REPO, "sha": COMMIT, "siblings": []}).encode()}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Point store and cache into an empty folder, and let nobody sleep or print."""
    waited: list[float] = []
    logging.disable()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "store"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(time, "sleep", waited.append)
    yield tmp_path
    logging.disable(logging.NOTSET)
    huggingface_hub.set_client_factory(default_client_factory)
    assert max(waited, default=0) <= WAIT


def pulled(answer: Answer, place: Path, revision: str) -> bool:
    """Pull from a hub; return whether it was refused, and check that nothing lies where it should not."""
    for name in ("store", "cache"):
        shutil.rmtree(place / name, ignore_errors=True)
    transport = HTTP.MockTransport(answer)
    huggingface_hub.set_client_factory(lambda: CLIENT(transport=transport, follow_redirects=True))
    fault = refused(lambda: hub.pull(DATASET, REPO, revision, tasks_of(DATASET)))
    assert {path.name for path in place.iterdir()} <= {"store", "cache"}
    assert not [path for path in place.rglob("*") if "escaped" in path.name]
    if not fault:
        assert 1 <= len(list(store.load_all(DATASET))) <= 4, "a changed manifest may list fewer files"
    return fault


def spoilt(files: Mapping[str, bytes], random: Random) -> Hub:
    """Return a hub with one to three faults."""
    server = Hub(dict(files), at_head=random.random() < 0.7)
    for _ in range(random.randint(1, 3)):
        name, other = random.choice(list(files)), random.choice(list(files))
        headers = server.headers.setdefault(name, {})
        match random.randrange(8):
            case 0:
                server.status[name] = random.choice(STATUSES)
            case 1 | 2:
                headers[random.choice(HEADERS)] = random.choice([None, *VALUES])
            case 3:
                server.status[name] = random.choice([301, 302, 307, 429, 500])
                headers[random.choice(["Location", "Retry-After", "RateLimit"])] = random.choice(VALUES)
            case 4:
                server.body[name] = odd_body(random, files[other])
            case 5:
                server.failure[name] = random.choice(["ConnectError", "ReadTimeout", "RemoteProtocolError"])
            case 6 if random.random() < 0.2:
                server.endless.add(name)
                server.status[name] = random.choice([200, 200, 400, 500])
            case _:
                lie(server, random)
    return server


def odd_body(random: Random, other: bytes) -> Callable[[bytes], bytes]:
    """Return what changes the content of a file on its way."""
    start = random.random()
    return random.choice(
        [
            lambda body: body[: int(start * len(body))],
            lambda body: body + other,
            lambda _: other,
            lambda body: broken(body, random),
            lambda _: random.choice(BODIES),
        ]
    )


def lie(server: Hub, random: Random) -> None:
    """Change a shard or the manifest at the source: sizes and digests agree with what is sent, or nearly."""
    files, name = dict(server.files), random.choice([name for name in server.files if "/" in name])
    manifest = json.loads(files["manifest.json"])
    if random.randrange(2) and isinstance(manifest.get("files"), dict):
        files[name] = broken(files[name], random)
        digest = hashlib.sha256(files[name]).hexdigest()
        manifest["files"][name] = {"bytes": len(files[name]), "sha256": digest}
    else:
        manifest = mutated(manifest, random)
    files["manifest.json"] = json.dumps(manifest).encode("utf-8", "surrogatepass")
    server.files = files


def test_a_good_hub_is_pulled_from(files: dict[str, bytes], place: Path) -> None:
    assert not pulled(Hub(files).answer, place, "main")
    assert not pulled(Hub(files).answer, place, COMMIT)


def test_a_lost_connection_does_not_end_the_checks(files: dict[str, bytes], place: Path) -> None:
    """The client opens a new session after it."""
    server, asked = Hub(files, headers={"manifest.json": {"ETag": '"../../escaped"'}}), list[str]()

    def answer(request: Any) -> Any:
        asked.append(request.method)
        if len(asked) <= 2:
            raise HTTP.ConnectError("a line that fails", request=request)
        return server.answer(request)

    assert pulled(answer, place, COMMIT)
    assert asked == ["HEAD", "HEAD", "HEAD"]


def test_another_way_of_transfer_is_not_taken(files: dict[str, bytes], place: Path) -> None:
    xet = {"X-Xet-Hash": "e" * 64, "X-Xet-Refresh-Route": "https://huggingface.co/api/xet"}
    assert not pulled(Hub(files, headers={"data/shard-000.parquet": xet}).answer, place, COMMIT)


@pytest.mark.parametrize(
    "headers",
    [{"Retry-After": "999999999"}, {"RateLimit": '"api";r=0;t=99999'}, {"Retry-After": "9" * 5_000}],
)
def test_nobody_waits_as_long_as_a_server_says(
    files: dict[str, bytes], place: Path, headers: dict[str, str | None]
) -> None:
    name = "manifest.json"
    assert pulled(Hub(files, {name: 429}, {name: headers}, at_head=False).answer, place, COMMIT)


@pytest.mark.parametrize(("name", "status"), [("manifest.json", 500), ("revision", 200), ("revision", 404)])
def test_a_body_without_end_is_not_read(files: dict[str, bytes], place: Path, name: str, status: int) -> None:
    with bounded_memory(200 * 2**20):
        server = Hub(files, {name: status}, {name: {"Content-Length": None}}, endless={name}, at_head=False)
        assert pulled(server.answer, place, "main")
    assert server.requests


def test_odd_answers_are_refused_or_do_no_harm(files: dict[str, bytes], place: Path) -> None:
    refusals: list[bool] = []

    def use(random: Random) -> None:
        revision = random.choice(["main", COMMIT])
        refusals.append(pulled(spoilt(files, random).answer, place, revision))

    for_each_seed(use, CASES if CASES > 1_000 else CASES // 2)
    assert 0.3 < sum(refusals) / len(refusals) < 0.95
