"""What the commands `trac-admin ENV mailintake ...` do. `components/commands.py` has their words and help."""
