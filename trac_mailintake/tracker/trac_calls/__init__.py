"""Helpers for calling Trac's own code: a request, silent listeners, a browser's line ends, translated exceptions."""
