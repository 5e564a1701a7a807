"""A TensorFlow Datasets folder, also a version that this project published, read without TensorFlow."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from datasets.errors import BadInput, FormatError
from datasets.manifest import Kind
from datasets.sources.base import MAX_MEMBER_BYTES, Source, SourceItem
from datasets.sources.settings import CommonSourceSettings, Location, local_path
from datasets.sources.shards.tfds_facts import Facts, known_facts
from datasets.sources.shards.tfds_features import Features, choose_features
from datasets.sources.shards.tfds_folder import Shard, TfdsVersion, find_version, open_version
from datasets.sources.shards.tfds_records import (
    Place,
    id_of,
    place_of,
    places_in,
    read_features,
    split_ids,
    text_of,
)
from datasets.sources.split_names import split_of

_KEY = re.compile(r"#[0-9]+\Z")


class TfdsSettings(CommonSourceSettings):
    """A TFDS folder."""

    kind: Literal["tfds"] = Field(description="TFRecord shards in the layout of TensorFlow Datasets")
    path: Location = Field(description="<name>/<x.y.z>/, or <name>/ for its latest version; local")
    splits: tuple[str, ...] | None = Field(None, min_length=1, description="splits to read; null = all there are")
    image_feature: str | None = Field(None, description="name of the image feature; null = the only one there is")
    label_feature: str | None = Field(None, description="name of the label feature; null = the only class label")


class _Record(NamedTuple):
    """A record while it is listed: where it lies, its number in the split, and what is inside."""

    shard: Shard
    number: int
    place: Place
    features: dict[str, list]

    def item(self, rest: str | None = None, **known: Any) -> SourceItem:
        """Its item, named by its number unless told."""
        return SourceItem(
            member=f"{self.shard.split}/{f'{self.number:08d}' if rest is None else rest}",
            version_tag=self.shard.version_tag,
            split=split_of(self.shard.split),
            **{"origin": f"tfrecord:{self.shard.file}#{self.number - self.shard.first}", **known},
        )


@dataclass(frozen=True, slots=True)
class Tfds(Source):
    """Records of a version. Members are `<split>/<number>`, in our own versions `<split>/<id>`."""

    name: str
    version: TfdsVersion
    features: Features

    def identity(self) -> str | None:
        """Made from size and time of all files, and from what is read of them."""
        return repr(("tfds", self.version.fingerprint, self.features))

    def items(self) -> Iterator[SourceItem]:
        """Every record in the order of the files. Raises BadInput where a shard's records cannot be told apart."""
        facts = known_facts(self.version.folder) if self.version.is_ours else None
        for shard in self.version.shards:
            for number, place in enumerate(places_in(self.version, shard), shard.first):
                yield self._item(_Record(shard, number, place, {}), facts)

    def read(self, member: str) -> bytes:
        """The stored image file. Raises OSError."""
        try:
            image = _only_bytes(self._found(member), self.features.image)
        except BadInput as error:
            raise OSError(self._sentence(error)) from error
        if not image:
            raise OSError(f"{self.version.folder.name}: no record {member!r} with an image; list the source again")
        return image

    def _found(self, member: str) -> dict[str, list]:
        """The features of a member; none where there is no such member."""
        split, _, rest = member.partition("/")
        for number in split_ids(self.version, split).numbers_of(rest) if self.version.is_ours else ():
            features = read_features(place_of(self.version, split, number))
            if id_of(features) == rest:
                return features
        return read_features(place_of(self.version, split, int(rest) if re.fullmatch(r"[0-9]{1,18}", rest) else -1))

    def _item(self, record: _Record, facts: Facts | None) -> SourceItem:
        if record.place.length_bytes > MAX_MEMBER_BYTES:
            return record.item(problem="file_too_large", size_bytes=record.place.length_bytes)
        try:
            record = record._replace(features=read_features(record.place))
        except FormatError as error:
            return record.item(problem="unreadable_file", detail=self._sentence(error))
        image = _only_bytes(record.features, self.features.image)
        known: dict[str, Any] = {
            "label": self.features.label_text(record.features),
            "licence": self.version.licence,
            "size_bytes": len(image),
            "problem": None if image else "no_image",
        }
        return self._our_item(record, known, facts) if self.version.is_ours else record.item(**known)

    def _our_item(self, record: _Record, known: dict[str, Any], facts: Facts | None) -> SourceItem:
        """With what a version of our own knows besides; its augmented and synthetic images are not wanted."""
        if text_of(record.features, "kind") not in (Kind.REAL, None):
            known["problem"] = "not_real"
        rest = id_of(record.features)
        if rest is None or not _can_name(rest):
            return record.item(**known)
        known |= facts.of(rest) if facts else {}
        ids = split_ids(self.version, record.shard.split)
        if record.number in ids.repeated:
            repeat = ids.numbers_of(rest).index(record.number) + 1
            return record.item(f"{rest}~{repeat}", **{**known, "problem": "duplicate_name"})
        return record.item(rest, **known)

    def _sentence(self, error: BadInput) -> str:
        """The message without the folder's own path, which is nobody's business in a manifest."""
        return str(error).replace(f"{self.version.folder}/", "")


def open_tfds(settings: TfdsSettings, cache: Path) -> Source:
    """Raises BadInput: no such data set, not TFRecord, a shard missing, or no single image feature."""
    folder = find_version(local_path(settings.path, "a TFDS folder"))
    features = choose_features(folder, settings.image_feature, settings.label_feature)
    return Tfds(settings.resolved_name, open_version(folder, settings.splits), features)


def _only_bytes(features: dict[str, list], name: str) -> bytes:
    """The only value of a feature; empty where it has none or several, or numbers."""
    values = features.get(name, [])
    return values[0] if len(values) == 1 and isinstance(values[0], bytes) else b""


def _can_name(record_id: str) -> bool:
    """Whether an id is like the keys that this project writes: a path, `#` and the number of a frame."""
    is_key = _KEY.search(record_id) is not None and record_id.isprintable()
    return is_key and not record_id.startswith("/") and ".." not in record_id.split("/")
