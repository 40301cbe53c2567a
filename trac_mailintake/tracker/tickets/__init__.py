"""handle, record: checks a change, then writes the ticket or comment, with its attachments."""
