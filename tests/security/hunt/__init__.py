"""A search for mail whose text becomes markup: made of wiki syntax, filed, and looked at as Trac shows it."""
