"""Experiments with any model: fewer labels, and groups that it never saw."""
