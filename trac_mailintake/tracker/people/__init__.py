"""screen, record: maps addresses to users of Trac; user accounts and contacts."""
