"""parse: the kind of sender of a mail, and the mail that a bounce returns."""
