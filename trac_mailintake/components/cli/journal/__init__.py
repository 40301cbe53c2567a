"""Commands about the journal: what became of each mail, and what is done about held mail."""
