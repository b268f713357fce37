"""Readers of the files that other programs write: poses, annotations, tables with one row per frame."""
