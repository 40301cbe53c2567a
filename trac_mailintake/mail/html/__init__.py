"""parse: HTML mail becomes Trac wiki text. Read `to_wiki` first."""
