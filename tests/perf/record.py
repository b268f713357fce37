"""What the scripts of this folder keep: command, commit, versions, hardware, load and figures, as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).parent / "records"


def save(
    name: str, script: str, arguments: Sequence[str], packages: Sequence[str], figures: Mapping[str, Any]
) -> None:
    """Write `records/<name>.json`: what `script` measured, with which commit and packages, on what."""
    content = {
        "command": " ".join(["python", f"tests/perf/{Path(script).name}", *arguments]),
        "commit": _commit(),
        "versions": {"python": platform.python_version(), **{one: version(one) for one in packages}},
        "hardware": _hardware(card="torch" in packages),
        "load": os.getloadavg()[0],
        "figures": dict(figures),
    }
    RECORDS.mkdir(exist_ok=True)
    path = RECORDS / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"wrote {path.name}")


def _commit() -> str | None:
    """Return the commit that is checked out, marked where files other than records differ from it.

    None outside a repository.
    """

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=RECORDS.parent, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", f":(exclude){RECORDS.name}")
    return f"{git('rev-parse', 'HEAD')}{'-dirty' if changed else ''}" or None


def _hardware(*, card: bool) -> dict[str, Any]:
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    found: dict[str, Any] = {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.system(),
    }
    if card:
        import torch

        if torch.cuda.is_available():
            found["card"] = torch.cuda.get_device_name()
    return found
