"""The faces, on real Trac environments: commands, pages, the pipe, the tables."""
