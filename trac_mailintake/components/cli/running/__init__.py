"""What the commands that take mail do, and how they say it. The components import each when it is asked for."""
