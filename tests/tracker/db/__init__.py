"""What all SQL needs."""
