"""Commands for the journal and for held mail."""
