"""Published tables again: which runs a table needs, running them, and ours beside theirs."""
