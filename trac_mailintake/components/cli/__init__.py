"""The actions of the commands `trac-admin ENV mailintake ...`, which `components/commands.py` declares."""
