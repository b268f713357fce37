"""The harness: recordings in, trusted numbers out. Never imports torch."""
