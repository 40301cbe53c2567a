"""Each threat of `docs/security.md` that is not shown elsewhere, tried."""
