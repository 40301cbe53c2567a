"""Mail is neither lost nor filed twice when processes die, calls fail, or workers compete."""
