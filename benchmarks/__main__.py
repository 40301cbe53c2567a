"""All benchmarks, one after the other: `make bench`, or `python -m benchmarks` in the project's folder."""

from __future__ import annotations

from benchmarks import idle, memory, parsing, throughput

for benchmark in (parsing, idle, memory, throughput):
    print(f"\n== {(benchmark.__doc__ or '').splitlines()[0]}", flush=True)
    benchmark.main()
