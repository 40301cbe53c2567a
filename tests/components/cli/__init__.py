"""The commands, through `trac-admin` in this process."""
