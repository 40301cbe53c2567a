"""record: all mail that is sent: Trac's notifications, and our own by the outbox."""
