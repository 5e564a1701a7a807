"""`augment-dataset trace`: says where an image is among the published versions, and how to keep it out."""
# ruff: noqa: A005, as nothing here imports the library's module of this name

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from datasets.manifest import Kind
from flows.output import console, print_json
from tasks.origins import Origin
from tasks.trace import Trace, trace, wanted_of

COLUMNS = ("data set", "version", "split", "status", "label", "id", "same", "copies")


def trace_image(image: str, published: Path, as_json: bool) -> None:
    """Print what is known of an image, as tables and sentences or as JSON. Raises BadInput as `trace` does."""
    found = trace(published, wanted_of(image))
    out = console()
    if as_json:
        print_json(asdict(found) | {"exclusions": found.exclusions})
        return
    if found.appearances:
        out.print(_table(found))
    for sentence in sentences(found, published):
        out.print(sentence, soft_wrap=True)


def sentences(found: Trace, published: Path) -> Iterator[str]:
    """What there is to say besides the table, line by line."""
    yield _verdict(found, published)
    yield from _in_shards(found)
    for row in found.appearances:
        if row.kind == Kind.REAL and row.detail and not row.is_used:
            yield f"{row.id} of {row.dataset} {row.version} is not used: {row.detail}"
    yield from map(_origin, found.origins)
    for learned in found.learned:
        yield (
            f"{learned.dataset} {learned.version} was made by a generator that learned from it, "
            f"in the training split of {learned.real_dataset} {learned.real_version}"
        )
    for name in found.orphans:
        yield f"{name} was learned from a version that is not here: whether it was learned from this image is not known"
    for folder, why in found.skipped.items():
        yield f"{folder} could not be looked into: {why}"
    if found.exclusions:
        yield "to keep it out of later versions, add to the file that curate.exclusions names:"
        yield from found.exclusions
    if found.appearances or found.shards:
        yield "versions that are published do not change: remove the folders of those that must not stay"


def _in_shards(found: Trace) -> Iterator[str]:
    for record in found.records:
        yield (
            f"it is the image of record {record.record} in {record.file} of {record.dataset} {record.version}, "
            f"made from {record.id}"
        )
    for shard in found.shards:
        yield (
            f"it is {shard.file} of {shard.dataset} {shard.version}: {shard.records} records of the split {shard.split}"
        )


def _origin(origin: Origin) -> str:
    """What something that is not real was made from."""
    what = f"{origin.id or 'this shard'} of {origin.dataset} {origin.version} is {origin.kind}, made "
    if origin.parent is not None:
        known = f" (sha256 {origin.parent_sha256})" if origin.parent_sha256 else ""
        return f"{what}from {origin.parent}{known}"
    real = f"{origin.real_dataset or 'an unknown data set'}{f' {origin.real_version}' if origin.real_version else ''}"
    run = f" in training run {origin.training[:16]}" if origin.training else ""
    return (
        f"{what}by the generator with weights {origin.weights_sha256 or 'unknown'} and seed {origin.seed}, "
        f"which learned from {real}{run}"
    )


def _verdict(found: Trace, published: Path) -> str:
    where = f"the versions in {published} ({found.versions} looked into)"
    if found.records and not found.appearances:
        return f"{found.wanted} is in a shard of {where}, but no manifest names it: run augment-dataset verify"
    used = {(row.dataset, row.version) for row in found.appearances if row.is_used}
    if used:
        return f"{found.wanted} is in {len(used)} of {where}"
    if found.appearances:
        return f"{found.wanted} is in no shard of {where}; manifests name it, and why it is not used"
    if found.shards:
        return f"{found.wanted} is a shard file of {where}"
    return f"{found.wanted} is in none of {where}, by bytes or by pixels; near copies are not looked for"


def _table(found: Trace) -> Table:
    table = Table(title=f"Where {found.wanted} is", title_justify="left")
    for name in COLUMNS:
        table.add_column(name, overflow="fold")
    for row in found.appearances:
        status = row.status if row.is_used else f"{row.status}: {row.reason}"
        cells = (row.dataset, row.version, row.split or "", status, row.label or "", row.id, row.by, str(row.copies))
        table.add_row(*cells)
    return table
