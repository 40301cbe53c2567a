"""fetch and dispose: mail in files of this machine, and on standard input."""
