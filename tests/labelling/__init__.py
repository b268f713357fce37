"""Tests of the room `labelling`."""
