"""Mail intake for Trac: turns e-mail into tickets and comments, exactly once, and explains every decision."""

__version__ = "0.1.0"
