"""The power goes: in which order things reach the disk, and what a disk holds that is cut off at some moment."""
