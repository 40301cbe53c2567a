"""The house rules, each checked by a machine."""
