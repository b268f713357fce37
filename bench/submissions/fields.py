"""The keys of a card and what each may hold."""

from __future__ import annotations

from bench.files.schema import ADDRESS, FLAG, choice, listed, mapping, number, table, text, whole

AMOUNTS = ("frames_per_second", "latency_ms", "seconds_per_epoch", "peak_memory_mib")
COSTS = ("parameters", "flops_per_frame", *AMOUNTS, "hardware")
"""What an entry may say of its cost, in the order in which a card says it."""
_TASK = table(
    {
        "classes": listed(text(), 1, 1000),
        "description": text(1000),
        "extra_data": text(500),
        "causal": FLAG,
    },
    {  # which of the first two a task needs hangs on its kind
        "output": choice("probabilities", "scores"),
        "detections": choice("raw", "final"),
        "remark": text(60),
        "parameters": whole(0),
        "flops_per_frame": whole(0),
        **dict.fromkeys(AMOUNTS, number(0, 2**63)),
        "hardware": text(200),
    },
    words="a table: write [tasks.<name>]",
)
FIELDS = table(
    {
        "name": text(),
        "authors": listed(text(), 1, 100),
        "licence": text(),
        "tasks": mapping(_TASK, least=1, most=100),
    },
    {"code": ADDRESS, "paper": ADDRESS},
)
"""The whole card."""
