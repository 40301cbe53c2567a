"""Tests of the tracker: on real Trac environments, SQLite and PostgreSQL."""
