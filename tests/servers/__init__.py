"""Real servers on free loopback ports, for tests, benchmarks and the demo: each is a context manager.

A program that is not installed raises `ServerMissing`; tests then skip, or fail when MAILINTAKE_REQUIRE_SERVERS=1.
"""
