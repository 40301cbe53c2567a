"""Nothing lost, nothing twice: processes that die, calls that fail, workers that meet."""
