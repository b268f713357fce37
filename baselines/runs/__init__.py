"""From recordings to a submission: runs, their parts, workers, records, cards."""
