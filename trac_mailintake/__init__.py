"""Mail intake for Trac: e-mail becomes tickets and comments, exactly once, and one can ask why."""

__version__ = "0.1.0"
