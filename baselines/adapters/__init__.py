"""From one kind of answer to another."""
