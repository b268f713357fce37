"""The page of a published copy: what it is, whose it is, and which files make which split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from bench.about import TITLE
from bench.store import Manifest
from bench.tasks import Dataset, Task

LICENCES = (
    "apache-2.0",
    "cc-by-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
    "cc-by-sa-4.0",
    "cc0-1.0",
    "gpl-3.0",
    "mit",
)
"""The hub's names of the licences that data sets come under here; any other is "other", by its own name."""
SIMULATED = (
    "**Simulated.** No animal was recorded and nobody annotated: scores on it say nothing about animals."
)
COLUMNS = """\
| column | holds |
|---|---|
| `id`, `group` | the recording, and the animals, cage or session that it must not be parted from |
| `annotator` | who annotated it, where that is known |
| `fps`, `frames` | frames per second, and their number T |
| `animals`, `keypoints` | A and K; 0 where a recording holds labels alone |
| `classes` | the names of the C classes |
| `labels` | T x C booleans, frame by frame |
| `annotated` | T booleans: the frames that somebody annotated |
| `segments` | S x 2 float64, seconds, (start, end); null where the annotators gave none |
| `segment_labels` | S int32, indices of `classes`; null with `segments` |
| `poses` | T x A x K x 2 float32, pixels, x right and y down; NaN = not detected |
| `confidence` | T x A x K float32, the tracker's; null where it gives none |
| `features` | T x F float32, what the data set gives beside the poses; null where it gives none |"""

Configurations = Mapping[str, Mapping[str, Sequence[str]]]
"""Configuration -> split -> files."""


def card(dataset: Dataset, tasks: Sequence[Task], configurations: Configurations, held: Manifest) -> str:
    """Return README.md: metadata that `datasets` reads, then text for people."""
    from huggingface_hub import DatasetCardData

    metadata = DatasetCardData(
        pretty_name=dataset.title,
        tags=["behaviour recognition", "pose", "rodents", *(["simulated"] if dataset.simulated else [])],
        configs=_configs(configurations),
        **_licence(dataset),
    )
    classes = [
        [f"`{task.name}`", task.question, ", ".join(task.classes)]
        for task in tasks
        if task.name in configurations
    ]
    blocks = [
        f"---\n{metadata.to_yaml()}\n---",
        f"# {dataset.title}",
        *([SIMULATED] if dataset.simulated else []),
        f"{len(held.recordings)} recordings, {held.frames:,} frames, in the layout of {TITLE}.",
        f"- Official source: {dataset.url or _unaddressed(dataset)}\n- Licence: {dataset.licence}",
        f"## Citation\n\n{dataset.citation}",
        f"## Tasks\n\n{tabulate(classes, ['configuration', 'question', 'classes'], tablefmt='github')}",
        f"## Columns\n\nOne row is one recording.\n\n{COLUMNS}",
        f"## Use\n\n```\n{_usage(dataset, next(iter(configurations)))}\n```",
        "`manifest.json` holds the SHA-256 of every file; `bench pull` compares them all.",
    ]
    if dataset.notes:
        blocks.append(
            "## Known faults and assumptions\n\n" + "\n".join(f"- {note}" for note in dataset.notes)
        )
    return "\n\n".join(blocks) + "\n"


def _unaddressed(dataset: Dataset) -> str:
    return f"none, simulated by {TITLE}" if dataset.simulated else "not stated"


def _configs(configurations: Configurations) -> list[dict[str, object]]:
    configs: list[dict[str, object]] = []
    for name, splits in configurations.items():
        files = [{"split": split, "path": list(paths)} for split, paths in splits.items()]
        configs.append({"config_name": name, "data_files": files, **({} if configs else {"default": True})})
    return configs


def _licence(dataset: Dataset) -> dict[str, Any]:
    name = dataset.licence.lower().replace(" ", "-")
    if name in LICENCES:
        return {"license": name}
    link = {"license_link": dataset.url} if dataset.url else {}
    return {"license": "other", "license_name": dataset.licence, **link}


def _usage(dataset: Dataset, first: str) -> str:
    return (
        "import datasets, numpy as np\n"
        f'row = datasets.load_dataset("ORG/NAME", "{first}", split="test", revision="<commit>")[0]\n'
        'labels = np.reshape(row["labels"], (row["frames"], len(row["classes"])))\n'
        f"\nbench pull {dataset.name} --repo ORG/NAME --revision <commit>"
    )
