#!/usr/bin/env python3
"""fakehub: serve local folders as Hugging Face dataset repositories. Standard library only.

Real clients (``huggingface_hub``, ``datasets``, ``fsspec`` ``hf://``) work against it when
``HF_ENDPOINT=http://127.0.0.1:PORT`` is in the environment *before* they are imported.

As a library (tests)::

    with FakeHub() as hub:
        hub.add("org/name", "folder_v1", ref="v1")          # a tag
        hub.add("org/name", "folder_v2", ref="main")        # the branch moved on
        os.environ.update(hub.env(cache_dir))               # before importing huggingface_hub
        ...
        hub.fault("data/test.parquet", truncate_after=1000, times=1)   # cut the line once
        hub.fault("data/test.parquet", corrupt=True)                   # silent bit flip
        assert hub.requests[-1].status == 206

As a program::

    python fakehub.py --port 8765 org/name=./folder org/name@v1=./folder_v1

Endpoints (repo kinds ``datasets``, ``models``, ``spaces``):

    GET       /api/{kind}/{repo}[/revision/{rev}]        repo info: sha, siblings
    GET       /api/{kind}/{repo}/tree/{rev}[/{path}]     listing: recursive, expand, Link paging
    POST      /api/{kind}/{repo}/paths-info/{rev}        form or JSON body: paths, expand
    GET       /api/{kind}/{repo}/refs                    branches and tags
    GET       /api/{kind}/{repo}/commits/{rev}           one-commit history
    HEAD/GET  /{kind}/{repo}/resolve/{rev}/{path}        ETag, X-Repo-Commit, Range -> 206/416
              ("/{repo}/resolve/..." for models); files of ``lfs_from`` bytes or more answer 302
              with X-Linked-Etag/X-Linked-Size to a second origin, as the real CDN does
    POST      /api/repos/create, /api/validate-yaml      with the token
    POST      /api/{kind}/{repo}/preupload/{rev}         every file goes inside the commit
    POST      /api/{kind}/{repo}/commit/{rev}            files and deletions, with the token
    GET       /api/whoami-v2, /api/telemetry/...         so that nothing leaves the machine
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import socket
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlsplit

KINDS = ("datasets", "models", "spaces")
DATE = "2024-01-01T00:00:00.000Z"
SHA = re.compile(r"[0-9a-f]{40}")


# ------------------------------------------------------------------------------------ contents
@dataclass(frozen=True)
class Blob:
    """One file: where it lies and the two names the Hub knows it by."""

    path: Path
    size: int
    git_oid: str
    sha256: str
    lfs: bool

    @property
    def etag(self) -> str:
        """Return the name that the answer's ETag carries."""
        return self.sha256 if self.lfs else self.git_oid


@dataclass(frozen=True)
class Commit:
    """The files of a repository at one moment."""

    sha: str
    files: dict[str, Blob]

    def folders(self) -> list[str]:
        """Return every parent folder of every file, sorted."""
        seen = {str(p) for name in self.files for p in PurePosixPath(name).parents}
        return sorted(seen - {"."})


@dataclass
class Repo:
    """One repository: its commits, and the branches and tags that name them."""

    kind: str
    name: str
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False

    def resolve(self, revision: str) -> Commit | None:
        """Return the commit of a branch, a tag or a sha; None where there is none."""
        for prefix in ("refs/heads/", "refs/tags/"):
            revision = revision.removeprefix(prefix)
        return self.commits.get(self.refs.get(revision, revision))


@dataclass(frozen=True)
class Request:
    """One line of the request log."""

    method: str
    path: str
    status: int
    range: str | None
    authorization: str | None
    sent: int


@dataclass
class Fault:
    """What goes wrong for one file; ``times`` counts down, None means for ever."""

    status: int | None = None
    truncate_after: int | None = None
    corrupt: bool = False
    no_range: bool = False
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    times: int | None = None


def _read_blob(path: Path, lfs_from: int) -> Blob:
    size = path.stat().st_size
    git, sha = hashlib.sha1(b"blob %d\0" % size), hashlib.sha256()  # noqa: S324 - git's own names
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            git.update(chunk)
            sha.update(chunk)
    return Blob(path, size, git.hexdigest(), sha.hexdigest(), lfs=size >= lfs_from)


def _read_folder(folder: Path, lfs_from: int) -> Commit:
    return _commit(
        {
            p.relative_to(folder).as_posix(): _read_blob(p, lfs_from)
            for p in sorted(folder.rglob("*"))
            if p.is_file() and ".git" not in p.relative_to(folder).parts
        }
    )


def _commit(files: dict[str, Blob]) -> Commit:
    listing = "\n".join(f"{b.git_oid} {name}" for name, b in files.items())
    return Commit(hashlib.sha1(listing.encode()).hexdigest(), files)  # noqa: S324


# -------------------------------------------------------------------------------------- server
class FakeHub:
    """A hub on two ports of this machine, for the length of a `with` block."""

    def __init__(
        self,
        port: int = 0,
        *,
        lfs_from: int = 1 << 14,
        page_size: int = 1000,
        token: str = "hf_fake",  # noqa: S107 - the one token that this hub knows
        cdn: bool = True,
    ) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.requests: list[Request] = []
        self.lfs_from, self.page_size, self.token = lfs_from, page_size, token
        self._faults: dict[str, Fault] = {}
        self._lock = threading.Lock()
        self._blobs: dict[str, tuple[str, Blob]] = {}
        self._connections: set[socket.socket] = set()
        self._uploads = tempfile.TemporaryDirectory()
        self._servers = [self._listen(port)] + ([self._listen(0)] if cdn else [])
        self.url = self._address(0)
        self.cdn_url = self._address(1) if cdn else None

    def _listen(self, port: int) -> ThreadingHTTPServer:
        handler = type("Handler", (_Handler,), {"hub": self})
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        server.daemon_threads = True
        return server

    def _address(self, index: int) -> str:
        # Two host names for one machine: clients up to 1.x tell the CDN from the Hub by name alone.
        host = ("127.0.0.1", "localhost")[index]
        return f"http://{host}:{self._servers[index].server_address[1]}"

    def __enter__(self) -> FakeHub:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for connection in list(self._connections):  # clients keep theirs open: be gone for them too
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._uploads.cleanup()

    def add(
        self,
        name: str,
        folder: str | os.PathLike[str],
        ref: str = "main",
        *,
        kind: str = "datasets",
        gated: bool = False,
    ) -> str:
        """Serve ``folder`` as ``ref`` of repository ``name``; returns the commit's sha."""
        repo = self.repos.setdefault((kind, name), Repo(kind, name))
        repo.gated = gated
        return self._move(repo, ref, _read_folder(Path(folder), self.lfs_from))

    def _move(self, repo: Repo, ref: str, commit: Commit) -> str:
        repo.commits[commit.sha], repo.refs[ref] = commit, commit.sha
        repo.refs.setdefault("main", commit.sha)
        for path, blob in commit.files.items():
            self._blobs[blob.sha256] = (path, blob)
        return commit.sha

    def create(self, kind: str, name: str) -> bool:
        """Make an empty repository; return False where there is one of that name."""
        if (kind, name) in self.repos:
            return False
        repo = self.repos[kind, name] = Repo(kind, name)
        self._move(repo, "main", _commit({}))
        return True

    def commit(self, repo: Repo, ref: str, added: dict[str, bytes], deleted: set[str]) -> str:
        """Put a commit on top of ``ref``; returns its sha."""
        kept = repo.commits[repo.refs[ref]].files
        files = {name: blob for name, blob in kept.items() if name not in deleted}
        for name, content in added.items():
            path = Path(self._uploads.name) / hashlib.sha256(content).hexdigest()
            path.write_bytes(content)
            files[name] = _read_blob(path, self.lfs_from)
        return self._move(repo, ref, _commit(dict(sorted(files.items()))))

    def env(self, cache: str | os.PathLike[str]) -> dict[str, str]:
        """Return the variables a client process needs (set them before it imports the clients)."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(cache),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def fault(self, path: str, **what: object) -> None:
        """Make requests for the file ``path`` (in any repository) go wrong; see `Fault`."""
        with self._lock:
            self._faults[path] = Fault(**what)  # type: ignore[arg-type]

    def clear(self) -> None:
        """Forget faults and the request log."""
        with self._lock:
            self._faults.clear()
            self.requests.clear()

    def take_fault(self, path: str, *, body: bool) -> Fault:
        """Return the fault in force for ``path``.

        ``times`` counts answers: those with a body, or, for a ``status`` fault, all of them.
        """
        with self._lock:
            fault = self._faults.get(path)
            if fault is None or fault.times == 0:
                return Fault()
            if fault.times is not None and (body or fault.status):
                fault.times -= 1
            return fault


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"
    server_version = "fakehub/1"
    sent = 0

    # ------------------------------------------------------------------------------- plumbing
    def setup(self) -> None:
        super().setup()
        self.hub._connections.add(self.connection)

    def finish(self) -> None:
        self.hub._connections.discard(self.connection)
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *args: object) -> None:
        pass

    def _log(self, status: int) -> None:
        get = self.headers.get
        entry = Request(self.command, self.path, status, get("Range"), get("Authorization"), self.sent)
        with self.hub._lock:
            self.hub.requests.append(entry)

    def _start(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def _json(self, data: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(data).encode()
        self.sent = 0 if self.command == "HEAD" else len(body)
        self._start(
            status,
            {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})},
        )
        if self.command != "HEAD":
            self.wfile.write(body)
        self._log(status)

    def _error(self, status: int, code: str, message: str, commit: Commit | None = None) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        if commit is not None:
            headers["X-Repo-Commit"] = commit.sha
        self._json({"error": message}, status, headers)

    def do_HEAD(self) -> None:
        self._route({})

    def do_GET(self) -> None:
        self._route({})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.headers.get("Content-Type") or ""
        if "ndjson" in kind:
            form = {"lines": [json.loads(line) for line in raw.splitlines()]}
        elif "json" in kind:
            form = json.loads(raw or b"{}")
        else:
            form = parse_qs(raw.decode())
        self._route(form)

    # -------------------------------------------------------------------------------- routing
    def _route(self, form: dict) -> None:
        self.sent = 0
        url = urlsplit(self.path)
        query = {k: v[-1] for k, v in parse_qs(url.query).items()}
        parts = [unquote(p) for p in url.path.strip("/").split("/")]
        if parts[0] == "cdn":
            return self._cdn(parts[1])
        if parts[:2] == ["api", "whoami-v2"]:
            return self._json({"type": "user", "name": "tester", "orgs": [], "auth": {"accessToken": {}}})
        if parts[:2] == ["api", "telemetry"]:
            return self._json({})
        if parts[:2] == ["api", "validate-yaml"]:
            fine = form["content"].startswith("---\n")
            errors = [] if fine else [{"message": "no metadata"}]
            return self._json({"errors": errors, "warnings": []}, 200 if fine else 400)
        if parts[:3] == ["api", "repos", "create"]:
            return self._create(form)
        if parts[0] == "api" and len(parts) >= 4 and parts[1] in KINDS:
            kind, repo, rest = parts[1], "/".join(parts[2:4]), parts[4:]
            verb, rest = (rest[0], rest[1:]) if rest else ("revision", ["main"])
            return self._repo(kind, repo, verb, rest, query, form)
        if "resolve" in parts:
            kind = parts.pop(0) if parts[0] in KINDS else "models"
            at = parts.index("resolve")
            return self._repo(kind, "/".join(parts[:at]), "resolve", parts[at + 1 :], query, form)
        return self._error(404, "NotFound", "no such endpoint")

    def _repo(self, kind: str, name: str, verb: str, rest: list[str], query: dict, form: dict) -> None:
        repo = self.hub.repos.get((kind, name))
        if repo is None:
            # The real Hub answers 401 here, so that private repositories cannot be told apart.
            return self._error(401, "RepoNotFound", "Repository not found")
        if repo.gated and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self._error(401, "GatedRepo", "Access to this dataset is restricted")
        if verb == "refs":
            return self._refs(repo)
        revision, path = (rest[0] if rest else "main"), "/".join(rest[1:])
        commit = repo.resolve(revision)
        if commit is None and rest[:2] == ["refs", "pr"]:
            revision, path = "/".join(rest[:3]), "/".join(rest[3:])
            commit = repo.resolve(revision)
        if commit is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        answers = {
            "revision": lambda: self._info(repo, commit),
            "tree": lambda: self._tree(repo, commit, path, query),
            "paths-info": lambda: self._paths_info(commit, form),
            "commits": lambda: self._json([self._commit_entry(commit)]),
            "resolve": lambda: self._resolve(commit, path),
            "preupload": lambda: self._preupload(form),
            "commit": lambda: self._take(repo, revision, form),
        }
        if verb not in answers:
            return self._error(404, "NotFound", f"no such verb: {verb}")
        return answers[verb]()

    # -------------------------------------------------------------------------------- uploads
    def _may_write(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def _create(self, form: dict) -> None:
        if not self._may_write():
            return self._error(401, "Unauthorized", "Invalid username or password.")
        kind, name = f"{form.get('type', 'model')}s", f"{form['organization']}/{form['name']}"
        new = self.hub.create(kind, name)
        return self._json({"url": f"{self.hub.url}/{kind}/{name}"}, 200 if new else 409)

    def _preupload(self, form: dict) -> None:
        # Every file travels inside the commit, as small text files do on the real Hub.
        self._json(
            {
                "files": [
                    {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                    for f in form["files"]
                ]
            }
        )

    def _take(self, repo: Repo, ref: str, form: dict) -> None:
        if not self._may_write():
            return self._error(401, "Unauthorized", "Invalid username or password.")
        lines = [(line["key"], line["value"]) for line in form["lines"]]
        added = {v["path"]: base64.b64decode(v["content"]) for k, v in lines if k == "file"}
        sha = self.hub.commit(repo, ref, added, {v["path"] for k, v in lines if k == "deletedFile"})
        url = f"{self.hub.url}/{repo.kind}/{repo.name}/commit/{sha}"
        return self._json({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})

    # ------------------------------------------------------------------------------ API verbs
    def _info(self, repo: Repo, commit: Commit) -> None:
        self._json(
            {
                "_id": commit.sha[:24],
                "id": repo.name,
                "author": repo.name.partition("/")[0],
                "sha": commit.sha,
                "lastModified": DATE,
                "createdAt": DATE,
                "private": False,
                "gated": "auto" if repo.gated else False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "siblings": [{"rfilename": name} for name in commit.files],
            }
        )

    def _refs(self, repo: Repo) -> None:
        def entry(where: str, ref: str, sha: str) -> dict[str, str]:
            return {"name": ref, "ref": f"refs/{where}/{ref}", "targetCommit": sha}

        branches = [entry("heads", r, s) for r, s in repo.refs.items() if r == "main"]
        tags = [entry("tags", r, s) for r, s in repo.refs.items() if r != "main"]
        self._json({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})

    @staticmethod
    def _commit_entry(commit: Commit) -> dict[str, object]:
        return {
            "id": commit.sha,
            "title": "fakehub commit",
            "message": "",
            "date": DATE,
            "authors": [{"user": "tester"}],
        }

    def _entry(self, commit: Commit, name: str, expand: bool) -> dict[str, object]:
        extra = {"lastCommit": self._commit_entry(commit)} if expand else {}
        blob = commit.files.get(name)
        if blob is None:
            oid = hashlib.sha1(name.encode()).hexdigest()  # noqa: S324
            return {"type": "directory", "oid": oid, "size": 0, "path": name, **extra}
        if blob.lfs:
            extra["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": 134}
        return {"type": "file", "oid": blob.git_oid, "size": blob.size, "path": name, **extra}

    def _tree(self, repo: Repo, commit: Commit, path: str, query: dict) -> None:
        folders = commit.folders()
        if path and path not in folders:
            return self._error(404, "EntryNotFound", f"{path} does not exist on this revision", commit)
        prefix = f"{path}/" if path else ""
        recursive = query.get("recursive", "").lower() in ("true", "1")
        names = [
            n
            for n in [*folders, *commit.files]
            if n.startswith(prefix) and (recursive or "/" not in n[len(prefix) :])
        ]
        start = int(query.get("cursor") or 0)
        stop = start + self.hub.page_size
        headers = {}
        if stop < len(names):
            where = f"{self.hub.url}/api/{repo.kind}/{repo.name}/tree/{commit.sha}"
            if path:
                where += "/" + quote(path, safe="")
            rest = "&".join(f"{k}={query[k]}" for k in ("recursive", "expand") if k in query)
            headers["Link"] = f'<{where}?cursor={stop}&{rest}>; rel="next"'
        expand = query.get("expand", "").lower() in ("true", "1")
        return self._json([self._entry(commit, n, expand) for n in names[start:stop]], headers=headers)

    def _paths_info(self, commit: Commit, form: dict) -> None:
        paths = form.get("paths") or []
        paths = [paths] if isinstance(paths, str) else paths
        known = {*commit.files, *commit.folders()}
        expand = str(form.get("expand", "")).lower().strip("[]'") in ("true", "1")
        self._json([self._entry(commit, p, expand) for p in paths if p in known])

    # ---------------------------------------------------------------------------------- files
    def _resolve(self, commit: Commit, path: str) -> None:
        blob = commit.files.get(path)
        if blob is None:
            return self._error(404, "EntryNotFound", "Entry not found", commit)
        headers = {"X-Repo-Commit": commit.sha, "Accept-Ranges": "bytes"}
        if not (blob.lfs and self.hub.cdn_url):
            return self._send(path, blob, headers)
        headers |= {
            "Location": f"{self.hub.cdn_url}/cdn/{blob.sha256}",
            "X-Linked-Etag": f'"{blob.etag}"',
            "X-Linked-Size": str(blob.size),
            "Content-Length": "0",
        }
        self._start(302, headers)
        return self._log(302)

    def _cdn(self, sha256: str) -> None:
        if sha256 not in self.hub._blobs:
            return self._error(404, "NotFound", "no such object")
        path, blob = self.hub._blobs[sha256]
        return self._send(path, blob, {"Accept-Ranges": "bytes"})

    def _send(self, path: str, blob: Blob, headers: dict[str, str]) -> None:
        fault = self.hub.take_fault(path, body=self.command == "GET")
        time.sleep(fault.delay)
        if fault.status:
            self._start(fault.status, {"Content-Length": "0", **fault.headers})
            return self._log(fault.status)
        start, stop, status = 0, blob.size, 200
        if (asked := self.headers.get("Range")) and not fault.no_range:
            found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.strip())
            if found and found[1]:
                start, stop = int(found[1]), min(int(found[2] or blob.size - 1) + 1, blob.size)
            elif found and found[2]:
                start = max(0, blob.size - int(found[2]))
            if not found or start >= stop:
                self._start(416, {"Content-Range": f"bytes */{blob.size}", "Content-Length": "0"})
                return self._log(416)
            status = 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{blob.size}"
        headers |= {
            "ETag": f'"{blob.etag}"',
            "Content-Length": str(stop - start),
            "Content-Type": "application/octet-stream",
            "Last-Modified": formatdate(0, usegmt=True),
            **fault.headers,
        }
        self._start(status, headers)
        if self.command == "GET":
            self._copy(blob, start, stop, fault)
        return self._log(status)

    def _copy(self, blob: Blob, start: int, stop: int, fault: Fault) -> None:
        limit = stop if fault.truncate_after is None else min(stop, start + fault.truncate_after)
        with blob.path.open("rb") as stream:
            stream.seek(start)
            while start < limit:
                chunk = stream.read(min(1 << 16, limit - start))
                if fault.corrupt:
                    chunk = bytes([chunk[0] ^ 0xFF]) + chunk[1:]
                try:
                    self.wfile.write(chunk)
                except ConnectionError:
                    break
                start += len(chunk)
                self.sent += len(chunk)
        if limit < stop:  # hang up in the middle of the body
            self.close_connection = True


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve folders as Hugging Face dataset repositories.")
    parser.add_argument("repos", nargs="+", metavar="ORG/NAME[@REF]=FOLDER")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--lfs-from", type=int, default=1 << 14, help="bytes from which a file is LFS")
    parser.add_argument("--page-size", type=int, default=1000)
    args = parser.parse_args()
    with FakeHub(args.port, lfs_from=args.lfs_from, page_size=args.page_size) as hub:
        for spec in args.repos:
            name, _, folder = spec.partition("=")
            name, _, ref = name.partition("@")
            print(f"{name}@{ref or 'main'} -> {hub.add(name, folder, ref or 'main')}")
        print(f"export HF_ENDPOINT={hub.url}", flush=True)
        seen = 0
        try:
            while True:
                time.sleep(0.2)
                for r in hub.requests[seen:]:
                    print(r.status, r.method, r.path, r.range or "", flush=True)
                    seen += 1
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
