"""What models see of a recording."""
