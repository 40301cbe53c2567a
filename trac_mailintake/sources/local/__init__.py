"""fetch and dispose: mail in local files, and on standard input."""
