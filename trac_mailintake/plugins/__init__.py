"""The plugins of one environment: who they are (`registry`), and what they say (`hooks`)."""
