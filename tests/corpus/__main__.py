"""Print, source by source, how many mails of the corpus are read without a problem: python -m tests.corpus [-v]."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tests.corpus.measure import ROOT, comparison, entries, measure

if TYPE_CHECKING:
    from tests.corpus.measure import Result


def main() -> int:
    """Measure and print; 0 when the corpus is there, whatever the score."""
    arguments = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    arguments.add_argument("-v", "--verbose", action="store_true", help="list the entries with problems")
    arguments.add_argument("filter", nargs="?", default="", help="only entries whose name holds this")
    chosen = arguments.parse_args()
    if not ROOT.is_dir():
        print(f"No corpus at {ROOT}: set MAILINTAKE_CORPUS.", file=sys.stderr)
        return 2
    problems = comparison()
    results = [measure(entry, problems) for entry in entries() if chosen.filter in str(entry)]
    if chosen.verbose:
        for result in results:
            if result.problems:
                print(result.entry, *result.problems, sep="\n    ")
    print(table(results))
    return 0


def table(results: list[Result]) -> str:
    """A line a source, then those outside and those about reply stripping, then all."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.entry.source, []).append(result)
    groups["reading (no quotes to strip)"] = [result for result in results if not result.entry.strips]
    groups["replies (quotes to strip)"] = [result for result in results if result.entry.strips]
    groups["all"] = results
    lines = [f"{'source':32} {'mails':>6} {'right':>6} {'share':>7} {'slowest':>8}"]
    for name, group in groups.items():
        right = sum(not result.problems for result in group)
        slowest = max((result.seconds for result in group), default=0)
        lines.append(f"{name:32} {len(group):6} {right:6} {right / max(len(group), 1):7.1%} {slowest:6.2f} s")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
