"""The default policy, one rule a file, through the public hooks."""
