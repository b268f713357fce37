"""How networks learn: the loop and its parts."""
