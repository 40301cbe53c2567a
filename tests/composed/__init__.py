"""Mail composed from parts, so that what is right about it is known: `python -m tests.composed`."""
