"""What the project is called and where it is: the one place that says so."""

from __future__ import annotations

from pathlib import Path

NAME = "ethobench"
"""The distribution: what pip installs and `importlib.metadata` knows."""
TITLE = "EthoBench"
"""What people call it: pages, cards, messages."""
DEVELOPERS = f"The {TITLE} developers"
REPOSITORY: str | None = None
"""Where the source is; None until it is public."""
SITE: str | None = None
"""Where the leaderboard is; None until it is public."""
SPLIT_SOURCE = "rodent-bench"
"""Who decided a split that is ours, as the split files say it: frozen, under the name of that time."""

CHECKOUT = Path(__file__).parent.parent
"""The folder of the checkout, where there is one; of a wheel, that of all packages."""


def install_hint(extra: str) -> str:
    """Return the command that installs an extra, from the checkout or else from the wheel.

    No index has this project, so the command names a place on the user's own disk.
    """
    if (CHECKOUT / "constraints.txt").is_file():
        return f"pip install -c constraints.txt '.[{extra}]'"
    from importlib.metadata import version

    return f"pip install './{NAME}-{version(NAME)}-py3-none-any.whl[{extra}]'"
