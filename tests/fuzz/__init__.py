"""Fuzzing: a coverage-guided search for mail that the parser does not bear."""
