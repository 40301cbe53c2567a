"""Commands, pages, the pipe and the tables, on real Trac environments."""
