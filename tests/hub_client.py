"""A user of a hub: the real clients, in child processes, against a hub on this machine.

`HF_ENDPOINT` is read when the clients are imported, so each command is a process of its own. The proxies
point at a closed port: a request to any other machine fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tests.fakehub import FakeHub

TASK = "demo-6x120"
REPO = "lab/demo"


@dataclass
class Client:
    """One user: a store, a cache, and the hub they reach."""

    server: FakeHub
    folder: Path
    home: str = "home"

    def run(self, *command: str, code: int = 0, **env: str) -> str:
        """Run Python with these arguments; return what it printed, and check its exit code."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        closed = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
        mine = {"BENCH_HOME": str(self.folder / self.home), "COLUMNS": "100"}
        done = subprocess.run(
            [sys.executable, *command],
            env=kept | closed | self.server.env(self.folder / "hf") | mine | env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def bench(self, *command: str, code: int = 0, **env: str) -> str:
        """Run a command of `bench`."""
        return self.run("-m", "bench", *command, code=code, **env)

    def pull(self, *options: str, code: int = 0, **env: str) -> str:
        """Pull the demo of six recordings from the hub."""
        return self.bench("pull", TASK, "--repo", REPO, *options, code=code, **env)

    def elsewhere(self, home: str) -> Client:
        """Return the same user, the same cache, and another store."""
        return replace(self, home=home)
