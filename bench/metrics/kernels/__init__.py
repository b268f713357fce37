"""Fast and exact ways to the numbers that the metrics define."""
