"""parse: what kind of sender a mail is from, and which mail a bounce returns."""
