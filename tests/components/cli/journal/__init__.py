"""Commands for the journal and held mail."""
