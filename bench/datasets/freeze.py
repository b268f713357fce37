"""Make a split file again from recordings: `python -m bench.datasets.freeze NAME FOLDER [OUT]`.

NAME is a file of `splits/`, FOLDER holds the official files. The text goes to OUT, or is shown;
its SHA-256, which the task declares, is shown last.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from bench.datasets import (
    calms21,
    calms21_parts,
    demo,
    demo_segments,
    ethome,
    get_dataset,
    mabe22,
    oft,
    rat_dyads,
    ratseizure,
    ratsi,
)
from bench.datasets.splitting.rules import SplitRule, frozen_text
from bench.errors import BenchError, UsageError, nearest
from bench.files.writing import write_text

RULES: tuple[SplitRule, ...] = (
    demo.RULE,
    demo_segments.RULE,
    calms21.RULE,
    calms21_parts.RULE2,
    calms21_parts.RULE3,
    *oft.RULES,
    ratsi.RULE,
    mabe22.RULE,
    ratseizure.RULE,
    rat_dyads.RULE,
    ethome.RULE,
)


def freeze(name: str, folder: Path) -> str:
    """Return the text of the split file `name` as the recordings in `folder` give it."""
    names = [rule.name for rule in RULES]
    if name not in names:
        raise UsageError(f"no split {name!r}{nearest(name, names)}", hint=f"one of {', '.join(names)}")
    return frozen_text(RULES[names.index(name)], get_dataset(name).read(folder))


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    try:
        if len(arguments) not in (2, 3):
            raise UsageError("expected NAME FOLDER [OUT]")
        text = freeze(arguments[0], Path(arguments[1]))
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    if len(arguments) == 3:
        write_text(Path(arguments[2]), text)
    else:
        sys.stdout.write(text)
    sys.stdout.write(f"sha256 {hashlib.sha256(text.encode()).hexdigest()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
