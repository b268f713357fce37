"""What resampled groups of recordings say about a value: intervals and paired differences."""
