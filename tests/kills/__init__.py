"""Real runs that are killed at any moment, while mail comes in, and what a stranger finds when all is over."""
