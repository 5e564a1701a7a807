"""Tries all readers with many changed files: `make fuzz`, or

    python -m tests.hostile [--cases N] [--minutes M] [--seed S] [--only READER ...]

Prints a row per reader, then every kind of finding with a case of it. Exit code 1 where there is one.
"""

import argparse
import logging
import os
import sys
import time
import warnings

from tests.hostile.fuzz import Outcome, all_readers, tried

SHARES = {"images": 20, "images, all frames": 5}  # the others: 1


def main() -> int:
    """0 where nothing was found."""
    options = _options()
    warnings.simplefilter("ignore")
    logging.disable()
    readers = [reader for reader in all_readers() if not options.only or reader.name in options.only]
    whole = sum(SHARES.get(reader.name, 1) for reader in readers)
    until_s = time.monotonic() + options.minutes * 60
    print(f"seed {options.seed}, load before it {os.getloadavg()[0]:.1f}\n", flush=True)
    print("| reader | cases | read | refused | findings | CPU s | slowest, CPU s |\n|---|---|---|---|---|---|---|")
    outcomes = []
    for reader in readers:
        cases = round(options.cases * SHARES.get(reader.name, 1) / whole)
        outcomes.append(tried(reader, options.seed, range(options.first, options.first + cases), until_s))
        print(_row(outcomes[-1]), flush=True)
    print(f"\n{sum(outcome.cases for outcome in outcomes)} cases\n")
    for outcome in outcomes:
        for what, count in outcome.kinds.most_common():
            case = next(number for number, found in outcome.findings if found == what)
            print(f"{outcome.reader}: {count} x {what} (case {case})")
    return int(any(outcome.findings for outcome in outcomes))


def _row(outcome: Outcome) -> str:
    cells = [
        outcome.reader,
        f"{outcome.cases:,}",
        f"{outcome.cases - outcome.refused:,}",
        f"{outcome.refused:,}",
        f"{len(outcome.findings):,}",
        f"{outcome.cpu_s:.1f}",
        f"{outcome.slowest_s:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
