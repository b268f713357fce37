"""The extractors: from recordings to rows of features that other models read."""
