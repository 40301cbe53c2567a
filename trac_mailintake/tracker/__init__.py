"""record: what a message becomes. Trac's model, and all the SQL."""
