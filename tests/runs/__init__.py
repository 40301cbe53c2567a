"""Use cases, through the commands and pages that start them."""
