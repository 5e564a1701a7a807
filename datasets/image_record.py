"""One record of a shard: an image with its label and where it comes from."""

import hashlib
from dataclasses import dataclass
from typing import Any

from datasets.errors import FormatError
from datasets.example_proto import FeatureValue, decode_example, encode_example


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """`image` is an encoded payload; `id` a key text of the manifest; `kind` a manifest.Kind.

    `derived_from` is the key text of the parent image or the name of the generator, "" for a real image.
    """

    image: bytes
    id: str
    kind: str
    derived_from: str = ""
    label: int | None = None


def encode_record(record: ImageRecord) -> bytes:
    """Record -> tf.train.Example bytes, with the sha256 of the payload added. The same record gives the same bytes."""
    features: dict[str, FeatureValue] = {
        "image": record.image,
        "id": record.id.encode("utf-8"),
        "kind": record.kind.encode("utf-8"),
        "derived_from": record.derived_from.encode("utf-8"),
        "sha256": hashlib.sha256(record.image).hexdigest().encode("ascii"),
    }
    if record.label is not None:
        features["label"] = record.label
    return encode_example(features)


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
    )


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
