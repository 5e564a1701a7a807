"""What changed from one published version to another: classes, counts, images, normalisation and settings."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datasets.manifest import KEY, MANIFEST_FILE, in_use, read_table
from datasets.tfds_layout import Index, read_index
from tasks.differences import changed_leaves

COLUMNS = [*KEY, "sha256", "label", "split", "status"]
UNLABELLED = "(no label)"
MadeWith = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Images:
    """How many images, and the keys of the first of them."""

    count: int
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`counts` maps (split, class) to images before and after; the rest are changes from the first to the second."""

    classes_added: tuple[str, ...]
    classes_removed: tuple[str, ...]
    counts: Mapping[tuple[str, str], tuple[int, int]]
    added: Images
    removed: Images
    changed: Images  # the same key with other bytes
    moved: Images  # to another split
    relabelled: Images
    features: tuple[str, ...]
    normalise: tuple[str, ...]
    settings: tuple[str, ...]
    other_shards: bool  # the shards of a split hold other bytes

    @property
    def is_same(self) -> bool:
        return self._has_same_sources and not (self.normalise or self.settings or self.other_shards)

    @property
    def is_made_otherwise(self) -> bool:
        """Nothing but how images were prepared, or in which order they lie, explains the other bytes of the shards."""
        return self._has_same_sources and self.other_shards

    @property
    def _has_same_sources(self) -> bool:
        images = (self.added, self.removed, self.changed, self.moved, self.relabelled)
        words = (self.classes_added, self.classes_removed, self.features)
        return not any(found.count for found in images) and not any(words)


def compare(before: Path, after: Path, show: int, made: tuple[MadeWith, MadeWith] = ({}, {})) -> Comparison:
    """Two folders with index and manifest; names up to `show` images of each kind. Raises FormatError.

    `made` are settings of the stages behind each version, by stage: those that both have are compared.
    """
    old, new = read_index(before), read_index(after)
    rows, other = (_rows(folder) for folder in (before, after))
    both = rows.join(other, list(KEY), list(KEY), "inner", left_suffix="_old", right_suffix="_new")
    classes = [index.features.class_names or () for index in (old, new)]
    return Comparison(
        classes_added=tuple(name for name in classes[1] if name not in classes[0]),
        classes_removed=tuple(name for name in classes[0] if name not in classes[1]),
        counts=_counts(rows, other),
        added=_images(other.join(rows, list(KEY), list(KEY), "left anti"), show),
        removed=_images(rows.join(other, list(KEY), list(KEY), "left anti"), show),
        changed=_images(_differing(both, "sha256"), show),
        moved=_images(_differing(both, "split"), show),
        relabelled=_images(_differing(both, "label"), show),
        features=tuple(_changed_features(old, new)),
        normalise=tuple(changed_leaves(_plain(old.normalise), _plain(new.normalise))),
        settings=(*changed_leaves(_said(old), _said(new)), *_changed_stages(*made)),
        other_shards=_shard_digests(old) != _shard_digests(new),
    )


def _rows(folder: Path) -> pa.Table:
    table = in_use(read_table(folder / MANIFEST_FILE, COLUMNS)).drop_columns(["status"])
    for name in ("sha256", "label", "split"):  # null is equal to nothing, not even to itself
        empty = UNLABELLED if name == "label" else ""
        table = table.set_column(table.schema.get_field_index(name), name, pc.fill_null(table[name], empty))
    return table


def _differing(both: pa.Table, name: str) -> pa.Table:
    return both.filter(pc.not_equal(both[f"{name}_old"], both[f"{name}_new"]))


def _images(rows: pa.Table, show: int) -> Images:
    first = rows.select(list(KEY)).sort_by([(name, "ascending") for name in KEY]).slice(0, show).to_pylist()
    return Images(len(rows), tuple(f"{row['source']}/{row['member']}#{row['frame']}" for row in first))


def _counts(old: pa.Table, new: pa.Table) -> dict[tuple[str, str], tuple[int, int]]:
    before, after = dict(_counted(old)), dict(_counted(new))
    return {key: (before.get(key, 0), after.get(key, 0)) for key in sorted(before.keys() | after.keys())}


def _counted(rows: pa.Table) -> Iterator[tuple[tuple[str, str], int]]:
    for row in rows.group_by(["split", "label"]).aggregate([([], "count_all")]).to_pylist():
        yield (row["split"], row["label"]), row["count_all"]


def _changed_features(old: Index, new: Index) -> Iterator[str]:
    before, after = (_plain(index.features) for index in (old, new))
    for features in (before, after):
        features.pop("class_names")
    yield from changed_leaves(before, after)


def _said(index: Index) -> dict[str, Any]:
    """What a version says of how it was made, without digests that follow from the images."""
    return {key: value for key, value in index.lineage.items() if key != "manifest_sha256"}


def _changed_stages(old: MadeWith, new: MadeWith) -> list[str]:
    both = old.keys() & new.keys()
    before, after = ({name: made[name] for name in both} for made in (old, new))
    return changed_leaves(before, after)


def _shard_digests(index: Index) -> dict[str, list[str]]:
    """Of each split, without the names of files: those begin with the name of the data set."""
    return {split: [shard.sha256 for shard in shards] for split, shards in index.splits.items()}


def _plain(value: Any) -> dict[str, Any]:
    return asdict(value)
