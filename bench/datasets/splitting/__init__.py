"""How the files in `splits/` are made from recordings."""
