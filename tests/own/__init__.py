"""Own tasks: `bench add` and what it reads."""
