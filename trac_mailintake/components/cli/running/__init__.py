"""What `mailintake run` and `mailintake probe` do."""
