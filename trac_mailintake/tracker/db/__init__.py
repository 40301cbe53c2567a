"""record: what all SQL needs: transactions, clocks, the schema and its upgrades."""
