"""handle, record: a change is checked, then becomes a ticket or a comment, with attachments."""
