"""parse: separates the new text of a reply from quotes, attribution lines and signatures."""
