"""The command `bench`, and `python -m bench`: it answers Ctrl-C while the command line is still imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from bench.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("\nAborted!\n")  # as click says it
        sys.exit(1)


if __name__ == "__main__":
    main()
