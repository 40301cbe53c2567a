"""Which Message-IDs lead to which tickets."""
