"""The plugins of one environment: `registry` finds and registers them, `hooks` calls them."""
