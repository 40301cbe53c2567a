"""Mail loops, which end by themselves."""
