"""parse: what is new in a reply: quotes, announcements, signatures."""
