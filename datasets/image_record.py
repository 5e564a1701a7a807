"""One record of a shard: an image with its label and where it comes from."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from datasets.errors import FormatError
from datasets.example_proto import bytes_entry_head, decode_example, example_of, number_entry

RANGE_FEATURE = "pixel_range"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """`image` is a payload as the shard holds it; `id` a key text of the manifest; `kind` a manifest.Kind.

    `derived_from` is the key text of the parent image or the name of the generator, "" for a real image.
    `pixel_range`: the levels that became 0 and 1, where the shard holds float32 values normalised per image.
    """

    image: bytes
    id: str
    kind: str
    derived_from: str = ""
    label: int | None = None
    pixel_range: tuple[int, int] | None = None


def encode_record(record: ImageRecord) -> bytes:
    """Record -> tf.train.Example bytes, with the sha256 of the payload added. The same record gives the same bytes.

    These are the bytes of encode_example, put together from parts that records have in common.
    """
    image, key = record.image, record.id.encode("utf-8")
    entries = (
        _text_entry("derived_from", record.derived_from) if record.derived_from else _NO_PARENT,
        bytes_entry_head("id", len(key)),
        key,
        bytes_entry_head("image", len(image)),
        image,
        _kind_entry(record.kind),
        b"" if record.label is None else number_entry("label", (record.label,)),
        b"" if record.pixel_range is None else number_entry(RANGE_FEATURE, record.pixel_range),
        _SHA256_HEAD,
        hashlib.sha256(image).hexdigest().encode("ascii"),
    )
    return example_of(b"".join(entries))


def decode_record(payload: bytes) -> ImageRecord:
    """The reverse. Raises FormatError when a feature is absent or the image does not have its sha256."""
    features = decode_example(payload)
    image: bytes = _only(features, "image", bytes)
    if hashlib.sha256(image).hexdigest() != _text(features, "sha256"):
        raise FormatError(f"record {_text(features, 'id')!r}: the image does not have its sha256; write it again")
    return ImageRecord(
        image=image,
        id=_text(features, "id"),
        kind=_text(features, "kind"),
        derived_from=_text(features, "derived_from"),
        label=_only(features, "label", int) if "label" in features else None,
        pixel_range=_range(features),
    )


def _text_entry(name: str, text: str) -> bytes:
    value = text.encode("utf-8")
    return bytes_entry_head(name, len(value)) + value


@lru_cache(maxsize=64)
def _kind_entry(kind: str) -> bytes:
    return _text_entry("kind", kind)


_NO_PARENT = _text_entry("derived_from", "")
_SHA256_HEAD = bytes_entry_head("sha256", 64)


def _range(features: dict[str, list]) -> tuple[int, int] | None:
    values = features.get(RANGE_FEATURE)
    if values is None:
        return None
    if len(values) != 2 or not all(isinstance(value, int) for value in values):
        raise FormatError(
            f"a record has {len(values)} values of {RANGE_FEATURE!r}, two of type int are needed; "
            "write the shards again"
        )
    return values[0], values[1]


def _text(features: dict[str, list], name: str) -> str:
    return str(_only(features, name, bytes), "utf-8")


def _only(features: dict[str, list], name: str, kind: type) -> Any:
    values = features.get(name, [])
    if len(values) != 1 or not isinstance(values[0], kind):
        raise FormatError(
            f"a record has {len(values)} values of {name!r}, one of type {kind.__name__} is needed; "
            "write the shards again"
        )
    return values[0]
