"""The actions of the commands that take in mail, and their output."""
