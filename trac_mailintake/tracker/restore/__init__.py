"""record: what is done after the archive, the journal or a disk was lost or restored (docs/backup.md)."""
