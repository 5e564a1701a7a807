"""What differs between two runs of the benchmarks: CPU time of each, and the figures of their tables.

    python -m benchmarks.compare [OLDER NEWER] [--threshold 0.15] [--fail-above RATIO] [--anyway]

OLDER and NEWER are results that `python -m benchmarks` wrote; without them, the last one and the last before it that
finished a benchmark of it. Figures count as different where their ratio is beyond the threshold whatever the
rounding; columns of loads and wall times are not compared. Results of unlike machines are refused but with `--anyway`.
Exit code 1 where a benchmark failed that had not, or took more than RATIO times the CPU time; 2 where there is nothing
to compare.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.differences import Change, Differences, all_differences
from benchmarks.results import RESULTS, Measured, Result, last_two, read_result
from benchmarks.tables import markdown
from datasets.errors import BadInput

COSTS = ("benchmark", "CPU s before", "now", "times", "peak MiB before", "now", "load before", "now", "figures differ")
UNLIKE_LOADS = 2.0
CHANGES = ("table", "row", "column", "before", "now", "times")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        if len(options.results) not in (0, 2):
            raise BadInput(f"{len(options.results)} results are named; name two, the older one first, or none")
        paths = options.results or last_two(options.folder)
        older, newer = map(read_result, paths)
        check_comparable(older, newer, paths, options.anyway)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(report(older, newer, paths, options.threshold)))
    worse = list(worsened(older, newer, options.fail_above))
    print("".join(f"\n{sentence}" for sentence in worse))
    return bool(worse)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "results", type=Path, nargs="*", help="two files, the older one first; default: the last two with one in common"
    )
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the last two are (%(default)s)")
    parser.add_argument("--threshold", type=float, default=0.15, help="share beyond which figures differ (%(default)s)")
    parser.add_argument("--fail-above", type=float, help="ratio of CPU times beyond which the exit code is 1")
    parser.add_argument("--anyway", action="store_true", help="compare results of unlike machines too")
    return parser.parse_args(arguments)


def check_comparable(older: Result, newer: Result, paths: Sequence[Path], is_anyway: bool) -> None:
    """Raises BadInput where figures of the two say nothing about each other."""
    if older.machine != newer.machine and not is_anyway:
        raise BadInput(
            f"{paths[0]} is of {older.machine}, {paths[1]} of {newer.machine}, so their figures cannot be compared; "
            "--anyway does it nevertheless"
        )
    if not older.named().keys() & newer.named().keys():
        raise BadInput(f"{paths[0]} and {paths[1]} have no benchmark in common; name two results that have")


def report(older: Result, newer: Result, paths: Sequence[Path], threshold: float) -> Iterator[str]:
    """Lines of Markdown."""
    yield f"# From {paths[0].name} to {paths[1].name}\n"
    yield from (f"- {sentence}" for sentence in _circumstances(older, newer))
    before, now = older.named(), newer.named()
    both = {name: (before[name], now[name]) for name in before if name in now}
    found = {name: all_differences(old.tables, new.tables, threshold) for name, (old, new) in both.items()}
    yield "\n" + markdown(COSTS, (_costs(old, new, found[name]) for name, (old, new) in both.items()))
    for name, differences in found.items():
        yield from _section(name, differences, threshold)
    yield f"\nAll other figures are within {threshold:.0%}."


def _circumstances(older: Result, newer: Result) -> Iterator[str]:
    """What figures may differ by, besides the code."""
    yield f"code: {older.commit or 'unknown'}, then {newer.commit or 'unknown'}"
    if older.machine != newer.machine:
        yield f"**unlike machines**: {older.machine}, then {newer.machine}"
    for name in {**older.versions, **newer.versions}:
        versions = [result.versions.get(name, "none") for result in (older, newer)]
        if versions[0] != versions[1]:
            yield f"{name}: {versions[0]}, then {versions[1]}"
    for word, result in (("before", older), ("now", newer)):
        if not result.complete:
            yield f"{word}, the run was not complete: it was stopped, or goes on"
    for name, old in older.named().items():
        new = newer.named().get(name)
        if new and new.command != old.command:
            yield f"{name}: `{old.command}`, then `{new.command}`"
    if loads := list(_unlike_loads(older, newer)):
        yield f"unlike loads, which change CPU times by tens of per cent: {', '.join(loads)}"
    alone = ((older, newer, "before"), (newer, older, "now"))
    for one, other, word in alone:
        if names := [name for name in one.named() if name not in other.named()]:
            yield f"only {word}: {', '.join(names)}"


def _unlike_loads(older: Result, newer: Result) -> Iterator[str]:
    for name, old in older.named().items():
        new = newer.named().get(name)
        if new and abs(old.load - new.load) > UNLIKE_LOADS:
            yield f"{name} ({old.load:.1f}, then {new.load:.1f})"


def _costs(old: Measured, new: Measured, found: Differences) -> list[str]:
    times = f"{new.cpu_s / old.cpu_s:.2f}" if new.cpu_s and old.cpu_s else ""
    differing = f"{len(found.changes)} of {found.compared}"
    whose = ((old, "before"), (new, "now"))
    states = "".join(f", {entry.state} {word}" for entry, word in whose if entry.state != "done")
    cells = [_cell(old.cpu_s), _cell(new.cpu_s), times, _cell(old.peak_mib), _cell(new.peak_mib)]
    return [new.name, *cells, _cell(old.load), _cell(new.load), differing + states]


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _section(name: str, found: Differences, threshold: float) -> Iterator[str]:
    """What differs in a benchmark; nothing where nothing does."""
    if found.changes:
        yield f"\n## {name}: beyond {threshold:.0%}\n\n{markdown(CHANGES, map(_change, found.changes))}"
    for word, alone in (("before", found.only_before), ("now", found.only_now)):
        if alone:
            yield f"\n{name}, only {word}: {', '.join(alone)}."


def _change(change: Change) -> list[str]:
    times = "" if change.times is None else f"{change.times:.2f}"
    return [change.table, change.row, change.column, change.before, change.now, times]


def worsened(older: Result, newer: Result, most_times: float | None) -> Iterator[str]:
    """What makes the exit code 1, as sentences."""
    before = older.named()
    for name, new in newer.named().items():
        old = before.get(name)
        if old and (old.state, new.state) == ("done", "failed"):
            yield f"{name} failed: {new.reason.strip().splitlines()[-1] if new.reason.strip() else new.exit_code}"
        elif most_times and old and new.cpu_s and old.cpu_s and new.cpu_s > most_times * old.cpu_s:
            yield f"{name} took {new.cpu_s / old.cpu_s:.2f} times the CPU time; {most_times:g} times is allowed"


if __name__ == "__main__":
    sys.exit(main())
