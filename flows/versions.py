"""Commands on published versions: what there is, what changed between two, which goes, which is the latest."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from datasets.errors import BadInput, FormatError, Refused
from datasets.manifest import MANIFEST_FILE
from datasets.splits import in_order
from flows.output import ask, bar, console, mib, print_json
from flows.verify import verdict_of
from tasks.lineage.record import LINEAGE_FILE, read_lineage
from tasks.parallel import ComputeSettings
from tasks.publishing.catalogue import Listed, listed_versions
from tasks.publishing.commit import move_latest
from tasks.publishing.compare import Comparison, Images, MadeWith, compare
from tasks.publishing.fetched import version_folder
from tasks.publishing.places import data_set_at, data_sets_at
from tasks.publishing.prune import plan_pruning, prune

WIDTH = 80
COMPARED_FILES = (MANIFEST_FILE, LINEAGE_FILE)
Options = Mapping[str, Any] | None


def list_versions(place: str, options: Options, as_json: bool) -> None:
    """Print all versions at a place, newest first. Raises BadInput where there is no data set."""
    found = [entry for data_set in data_sets_at(place, options) for entry in listed_versions(data_set)]
    if as_json:
        print_json([asdict(entry) | {"images": entry.images} for entry in found])
        return
    out = console()
    out.print(_list_table(place, found), width=WIDTH)
    for entry in found:
        by_split = ", ".join(f"{entry.records[split]} {split}" for split in in_order(entry.records))
        if by_split:
            out.print(f"{entry.name} {entry.version}: {by_split}", soft_wrap=True)


def diff_versions(before: str, after: str, options: Options, as_json: bool, show: int) -> None:
    """Print what changed from one version to another. Raises BadInput where one is not there."""
    places = [data_set_at(place, options) for place in (before, after)]
    old, new = places[0].one_version(), places[1].one_version()
    with (
        version_folder(places[0], old, COMPARED_FILES) as first,
        version_folder(places[1], new, COMPARED_FILES) as second,
    ):
        found = compare(first, second, show, (_made_with(first), _made_with(second)))
    names = [f"{place.name} {version}" for place, version in zip(places, (old, new), strict=True)]
    if as_json:
        print_json(_comparison_record(names, found))
        return
    _print_comparison(names, found)


def prune_versions(place: str, options: Options, keep: int, force: bool, yes: bool, dry_run: bool) -> None:
    """Remove old versions after asking. Raises BadInput, Refused."""
    data_set = data_set_at(place, options)
    planned = plan_pruning(data_set, keep, force)
    out = console()
    for entry, why in planned.stay:
        out.print(f"stays    {entry.name} {entry.version}: {why}", soft_wrap=True)
    for entry in planned.remove:
        what = f"{entry.images} images" if entry.records else entry.gate
        out.print(f"removed  {entry.name} {entry.version}: {what}, {mib(entry.size_bytes)} MiB", soft_wrap=True)
    if not planned.remove or dry_run:
        out.print("Nothing was removed.")
        return
    if not yes:
        ask(f"Remove {len(planned.remove)} versions, {mib(planned.size_bytes)} MiB, for good?")
    with bar("removing", "versions") as progress:
        prune(data_set, planned, uuid.uuid4().hex, progress)
    out.print(f"{len(planned.remove)} versions were removed, {mib(planned.size_bytes)} MiB.")


def promote_version(place: str, version: str, options: Options, workers: int | None) -> None:
    """Let `latest` name a version, after reading all of it again. Raises BadInput, Refused for a damaged one."""
    data_set = data_set_at(place, options)
    if data_set.version not in (None, version):
        raise BadInput(f"{place}: names version {data_set.version} itself; give the folder of the data set")
    if version not in data_set.versions():
        there = ", ".join(data_set.versions()) or "none"
        raise BadInput(f"{place}: no version {version}; published versions: {there}")
    before = data_set.latest()
    if before == version:
        console().print(f"{data_set.name} {version} is the latest already")
        return
    verdict = verdict_of(data_set, version, ComputeSettings(workers=workers or 0), limit=1)
    if not verdict.is_intact:
        raise Refused(
            f"{data_set.name} {version} is damaged ({next(iter(verdict.faults)).sentence}); `latest` still is {before}"
        )
    with data_set.target.claim(data_set.name, uuid.uuid4().hex):
        if data_set.latest() != before:
            raise Refused(f"`latest` of {data_set.name} was moved by somebody else meanwhile; look, then run again")
        move_latest(data_set.target, data_set.name, version)
    console().print(f"{data_set.name}: `latest` was {before or 'nothing'} and is {version}")


def _list_table(place: str, found: Sequence[Listed]) -> Table:
    table = Table(title=f"Published at {place}", title_justify="left")
    for name in ("data set", "version"):
        table.add_column(name, overflow="fold")
    table.add_column("")
    for name in ("images", "MiB"):
        table.add_column(name, justify="right")
    table.add_column("gate", overflow="fold")
    table.add_column("digest")
    for entry in found:
        mark = "latest" if entry.is_latest else ""
        sums = (str(entry.images) if entry.records else "", mib(entry.size_bytes))
        table.add_row(entry.name, entry.version, mark, *sums, entry.gate, entry.content_digest[:8])
    return table


def _print_comparison(names: Sequence[str], found: Comparison) -> None:
    out = console()
    out.print(f"{names[0]} → {names[1]}" + (": the same" if found.is_same else ""), soft_wrap=True)
    for sign, classes in (("+", found.classes_added), ("-", found.classes_removed)):
        for name in classes:
            out.print(f"{sign} class {name}", soft_wrap=True)
    differing = {key: counts for key, counts in found.counts.items() if counts[0] != counts[1]}
    if differing:
        table = Table(title="Images per split and class", title_justify="left")
        for name in ("split", "class"):
            table.add_column(name, overflow="fold")
        for name in ("before", "after", "change"):
            table.add_column(name, justify="right")
        for (split, label), (old, new) in differing.items():
            table.add_row(split, label, str(old), str(new), f"{new - old:+d}")
        out.print(table, width=WIDTH)
    for what, images in _kinds(found).items():
        if images.count:
            out.print(f"{images.count} images {what}", soft_wrap=True)
            for key in images.first:
                out.print(f"  {key}", soft_wrap=True)
            if images.count > len(images.first):
                out.print(f"  and {images.count - len(images.first)} more")
    if found.is_made_otherwise:
        out.print("the shards hold other bytes: the same images were prepared or arranged otherwise", soft_wrap=True)
    for what, changes in (("shape", found.features), ("normalise", found.normalise), ("made", found.settings)):
        for change in changes:
            out.print(f"{what}: {change}", soft_wrap=True)


def _made_with(folder: Path) -> MadeWith:
    """Settings of the stages behind a version; none without a sound `lineage.json`, as all else can be compared."""
    try:
        return {name: stage["settings"] for name, stage in read_lineage(folder)["stages"].items()}
    except (FormatError, KeyError, TypeError, AttributeError):
        return {}


def _kinds(found: Comparison) -> dict[str, Images]:
    return {
        "added": found.added,
        "removed": found.removed,
        "changed (same name, other bytes)": found.changed,
        "moved to another split": found.moved,
        "with another label": found.relabelled,
    }


def _comparison_record(names: Sequence[str], found: Comparison) -> dict[str, Any]:
    counts = [
        {"split": split, "class": label, "before": old, "after": new}
        for (split, label), (old, new) in found.counts.items()
    ]
    return {"before": names[0], "after": names[1], "same": found.is_same, **asdict(found), "counts": counts}
