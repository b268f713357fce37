"""The models: one file each, its reference at the head."""
