"""HTML mails as the usual clients write them, and what Trac shows of them."""
