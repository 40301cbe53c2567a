"""parse: converts HTML mail to Trac wiki text. Read `to_wiki` first."""
