"""Which columns of a table hold images, labels and the rest, and their values as text."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from datasets.errors import BadInput
from datasets.sources.settings import CommonSourceSettings

LABEL_NAMES = ("label", "labels", "class", "category")
_BYTES_FIELD = "bytes"
_METADATA_KEY = b"huggingface"
_MAX_NAMED = 20


class TableColumnSettings(CommonSourceSettings):
    """Which columns are read."""

    image_column: str | None = Field(None, description="column of encoded images; null = the only one that holds bytes")
    label_column: str | None = Field(
        None, description="column of labels; null = label, labels, class or category, if there is one; '' = none"
    )
    name_column: str | None = Field(None, description="column of unique names; null = images are numbered")
    group_column: str | None = Field(None, description="column of groups that stay together in one split")
    split_column: str | None = Field(None, description="column that says train, validation or test; null = file names")
    licence_column: str | None = Field(None, description="column of licences")
    caption_column: str | None = Field(None, description="column of captions")
    class_names: tuple[str, ...] | None = Field(
        None, description="name of label 0, of label 1, ...; null = as the table says, else numbers"
    )


class Columns(NamedTuple):
    """Names of columns, with a dot inside of a struct; None for what there is not."""

    image: str
    label: str | None
    name: str | None
    group: str | None
    split: str | None
    licence: str | None
    caption: str | None
    class_names: tuple[str, ...] | None

    @property
    def known(self) -> tuple[str, ...]:
        """Those that are read while listing."""
        return tuple(dict.fromkeys(name for name in self[1:7] if name is not None))

    def types(self, schema: pa.Schema) -> dict[str, pa.DataType]:
        """The type of every column that is read."""
        return {name: _type_of(schema, name) for name in (self.image, *self.known)}


def choose_columns(schema: pa.Schema, settings: TableColumnSettings, place: str) -> Columns:
    """What the settings name, or what is beyond doubt. Raises BadInput."""
    features = _features(schema)
    label = _label_column(schema, settings, features, place)
    names = settings.class_names or (_class_names(features, label) if label else None)
    if settings.class_names and (label is None or _is_text(_type_of(schema, label))):
        raise BadInput(f"{place}: class_names needs a column of labels that are whole numbers; leave it out")
    return Columns(
        image=_image_column(schema, settings, place),
        label=label,
        name=_text_column(schema, settings, "name_column", place),
        group=_text_column(schema, settings, "group_column", place),
        split=_text_column(schema, settings, "split_column", place),
        licence=_text_column(schema, settings, "licence_column", place),
        caption=_text_column(schema, settings, "caption_column", place),
        class_names=names,
    )


def has_column(schema: pa.Schema, column: str) -> bool:
    """Whether it is there, also inside of a struct."""
    return _type_of(schema, column) is not None


def cells(batch: pa.RecordBatch, column: str) -> pa.Array:
    """The values of a column, also inside of a struct. Raises KeyError, pa.ArrowException."""
    if column in batch.schema.names:
        return batch.column(column)
    outer, _, inner = column.partition(".")
    array = batch.column(outer)
    while inner:
        outer, _, inner = inner.partition(".")
        array = pc.struct_field(array, outer)
    return array


def texts(array: pa.Array, errors: str = "backslashreplace") -> list[Any]:
    """Values as text, or as whole numbers for a column of these; None for null. Raises pa.ArrowException."""
    if pa.types.is_dictionary(array.type):
        array.validate(full=True)
        values = texts(array.dictionary, errors)
        return [None if index is None else values[index] for index in array.indices.to_pylist()]
    if pa.types.is_integer(array.type) or pa.types.is_null(array.type):
        return list(array.to_pylist())
    content = array.cast(_bytes_type(array.type))
    content.validate(full=True)
    return [None if value is None else str(value, "utf-8", errors) for value in content.to_pylist()]


def _image_column(schema: pa.Schema, settings: TableColumnSettings, place: str) -> str:
    wanted = settings.image_column
    if wanted is not None:
        found = _holding_bytes(wanted, _checked_type(schema, "image_column", wanted, place))
        if found is None:
            raise BadInput(
                f"{place}: image_column {wanted} is of type {_type_of(schema, wanted)}; encoded images are binary, "
                f"or a struct with such a field bytes; {_there_are(schema)}"
            )
        return found
    all_found = [found for field in schema if (found := _holding_bytes(field.name, field.type))]
    if len(all_found) != 1:
        several = f"several columns hold bytes ({', '.join(all_found)})" if all_found else "no column holds bytes"
        raise BadInput(f"{place}: {several}; set image_column to the column of encoded images; {_there_are(schema)}")
    return all_found[0]


def _holding_bytes(name: str, kind: pa.DataType) -> str | None:
    """The column itself, or its field `bytes`."""
    if _is_binary(kind):
        return name
    if pa.types.is_struct(kind):
        index = kind.get_field_index(_BYTES_FIELD)
        if index >= 0 and _is_binary(kind.field(index).type):
            return f"{name}.{_BYTES_FIELD}"
    return None


def _label_column(schema: pa.Schema, settings: TableColumnSettings, features: dict[str, Any], place: str) -> str | None:
    wanted = settings.label_column
    if wanted is None:
        usual = [name for name in LABEL_NAMES if name in schema.names]
        found = usual or [name for name in schema.names if _class_names(features, name)]
        if len(found) > 1:
            raise BadInput(f"{place}: {' and '.join(found)} may be labels; set label_column to one, or to '' for none")
        wanted = found[0] if found else None
    if not wanted:
        return None
    kind = _checked_type(schema, "label_column", wanted, place)
    if not (_is_text(kind) or _is_integer(kind)):
        raise BadInput(
            f"{place}: the column of labels, {wanted}, is of type {kind}; labels are text or whole numbers; "
            f"set label_column to another, or to '' for none; {_there_are(schema)}"
        )
    return wanted


def _text_column(schema: pa.Schema, settings: TableColumnSettings, setting: str, place: str) -> str | None:
    wanted = getattr(settings, setting)
    if wanted is None:
        return None
    kind = _checked_type(schema, setting, wanted, place)
    if not (_is_text(kind) or (setting == "group_column" and _is_integer(kind))):
        raise BadInput(f"{place}: {setting} {wanted} is of type {kind}, which is not text; {_there_are(schema)}")
    return str(wanted)


def _checked_type(schema: pa.Schema, setting: str, wanted: str, place: str) -> pa.DataType:
    kind = _type_of(schema, wanted)
    if kind is None:
        raise BadInput(f"{place}: there is no column {wanted}, or more than one; set {setting}; {_there_are(schema)}")
    return kind


def _type_of(schema: pa.Schema, column: str) -> pa.DataType | None:
    """The type of a column, also inside of a struct; None where there is not exactly one."""
    if column in schema.names:
        return schema.field(column).type if schema.names.count(column) == 1 else None
    kind = schema
    for part in column.split("."):
        is_container = isinstance(kind, pa.Schema) or pa.types.is_struct(kind)
        index = kind.get_field_index(part) if is_container else -1
        if index < 0:
            return None
        kind = kind.field(index).type
    return kind


def _features(schema: pa.Schema) -> dict[str, Any]:
    """What HuggingFace's libraries write about the columns; nothing where that is damaged."""
    try:
        features = json.loads((schema.metadata or {}).get(_METADATA_KEY, b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _class_names(features: dict[str, Any], column: str) -> tuple[str, ...] | None:
    feature = features.get(column)
    if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
        return None
    names = feature.get("names")
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _there_are(schema: pa.Schema) -> str:
    shown = ", ".join(f"{field.name} ({_shown(field.type)})" for field in islice(schema, _MAX_NAMED))
    rest = len(schema) - _MAX_NAMED
    return f"there are {shown}" + (f" and {rest} more" if rest > 0 else "") if len(schema) else "there are no columns"


def _shown(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _values_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_binary(kind: pa.DataType) -> bool:
    kind = _values_type(kind)
    return any(
        (
            pa.types.is_binary(kind),
            pa.types.is_large_binary(kind),
            pa.types.is_binary_view(kind),
            pa.types.is_fixed_size_binary(kind),
        )
    )


def _is_text(kind: pa.DataType) -> bool:
    return _bytes_type(_values_type(kind)) is not None


def _is_integer(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(_values_type(kind)))


def _bytes_type(kind: pa.DataType) -> pa.DataType | None:
    """The type of the same bytes without the promise that they are UTF-8; None for what is no text."""
    if pa.types.is_string(kind):
        return pa.binary()
    if pa.types.is_large_string(kind):
        return pa.large_binary()
    return pa.binary_view() if pa.types.is_string_view(kind) else None
