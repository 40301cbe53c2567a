"""record: Trac's model, and all the SQL."""
