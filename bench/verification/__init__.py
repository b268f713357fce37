"""Compare what is declared, what is stored and what the papers printed; every comparison is a `Check`."""

from bench.verification.checks import Check
from bench.verification.published import ROUNDED, Printed, from_counts, read_printed
from bench.verification.verify import unanswered, verify

__all__ = ["ROUNDED", "Check", "Printed", "from_counts", "read_printed", "unanswered", "verify"]
