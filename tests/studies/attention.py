"""What attention in windows takes, in memory and time, beside attention by the whole T x T matrix.

    python tests/studies/attention.py                  2,304 and 23,040 rows
    python tests/studies/attention.py --save NAME      keep a record in records/NAME.json

Each case runs in a process of its own, forward and backward: one clip, 4 heads of 128 channels, windows of 9
rows of which 5 keys are kept, as in RaSeformer. Memory is the most that the process held, less what it held
before. A matrix of 23,040 x 23,040 products of 4 heads is 8.5 GB, and autograd holds several: where that is
more than the memory that is free, the case is not run, and the record says what it would take at least.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from baselines.models.raseformer import of_query, salient
from baselines.parts.attention import window_attention

RECORDS = Path(__file__).parent / "records"
ROWS = (2_304, 23_040)
HEADS, CHANNELS, WINDOW, KEPT = 4, 128, 9, 5
MATRICES = 4
"""Of T x T numbers that autograd holds at least: products, those that count, weights, and their gradient."""


def dense(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return the same attention by all products: those outside the window, or not kept, count nothing."""
    rows = query.shape[2]
    products = query @ key.transpose(2, 3)
    place = torch.arange(rows)
    near = (place[:, None] - place).abs() <= WINDOW // 2
    salience = products.detach().masked_fill(~near, -math.inf)
    centre = torch.eye(rows, dtype=torch.bool)
    others = salience.masked_fill(centre, -math.inf).topk(KEPT - 1, dim=3).indices
    kept = torch.zeros_like(near).expand_as(products).scatter(3, others, value=True) & near | centre
    scores = (products / math.sqrt(CHANNELS)).masked_fill(~kept, -math.inf)
    return scores.softmax(dim=3) @ value


def windowed(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return the attention of `baselines`."""
    inside = torch.ones(1, query.shape[2], dtype=torch.bool)
    return window_attention(query, key, value, inside, WINDOW, salient(of_query, KEPT / WINDOW))


def measured(name: str, rows: int) -> dict[str, float]:
    """Run one case in this process."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tensors = [torch.randn(1, HEADS, rows, CHANNELS, requires_grad=True) for _ in range(3)]
    run = {"dense": dense, "windowed": windowed}[name]
    run(*(tensor[:, :, :64].detach() for tensor in tensors))  # what torch loads when it is first used
    before, began = _held(), time.process_time()
    answer = run(*tensors)
    answer.sum().backward()  # type: ignore[no-untyped-call]
    spent = time.process_time() - began
    total = answer.detach().double().square().mean().item()
    return {"mebibytes": round(_held() - before, 1), "processor_seconds": round(spent, 3), "check": total}


def _held() -> float:
    """Return the most memory that this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def case(name: str, rows: int) -> dict[str, Any]:
    """Run one case in a process of its own, where the memory is there."""
    least = MATRICES * HEADS * rows**2 * 4 / 2**20
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024
    if name == "dense" and least > free * 0.8:
        return {"not run": f"at least {least:,.0f} MiB, and {free:,.0f} are free"}
    command = [sys.executable, __file__, "--case", name, "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case")
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--save")
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(measured(asked.case, asked.rows)))
        return
    record: dict[str, Any] = {
        f"{name}, {rows:,} rows": case(name, rows) for rows in ROWS for name in ("windowed", "dense")
    }
    checks = [found["check"] for name, found in record.items() if "2,304" in name]
    assert math.isclose(*checks, rel_tol=1e-5), "both should give the same numbers"
    record |= {"machine": platform.machine(), "torch": torch.__version__}
    print(json.dumps(record, indent=2))
    if asked.save:
        (RECORDS / f"{asked.save}.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
