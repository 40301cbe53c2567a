"""handle: what a message becomes, one handler a file, through the public hook."""
