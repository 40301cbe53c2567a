"""parse: the text of a message: its text parts decoded and joined."""
