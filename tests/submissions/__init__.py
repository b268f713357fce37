"""The room that reads what strangers send."""
