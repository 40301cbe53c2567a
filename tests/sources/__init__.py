"""Sources, each against the real thing."""
