"""route: which Message-IDs lead to which tickets."""
