"""fetch and dispose: the sources of mail. All network code is here."""
