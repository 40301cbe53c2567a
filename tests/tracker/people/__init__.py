"""Who somebody is to Trac."""
