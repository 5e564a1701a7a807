"""Parquet as HuggingFace's `load_dataset` decodes it: a struct of bytes and path, and the features as metadata.

The metadata is the JSON that the library `datasets` writes into a file's schema under the key `huggingface`.
"""

import json
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.tfds_layout import ShardFeatures
from tasks.export.samples import Sample

ROW_GROUP_BYTES = 16 * 2**20
ROW_GROUP_ROWS = 4096
TEXTS = ("id", "kind", "derived_from")


def features_json(features: ShardFeatures) -> dict[str, Any]:
    """The columns in the words of HuggingFace."""
    described: dict[str, Any] = {"image": {"_type": "Image"}}
    if features.class_names is not None:
        described["label"] = {"names": list(features.class_names), "_type": "ClassLabel"}
    return described | {name: {"dtype": "string", "_type": "Value"} for name in TEXTS}


def schema_of(features: ShardFeatures) -> pa.Schema:
    """Columns image, label (where there are labels), id, kind, derived_from."""
    image = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    fields = [pa.field("image", image)]
    if features.class_names is not None:
        fields.append(pa.field("label", pa.int64()))
    fields += [pa.field(name, pa.string()) for name in TEXTS]
    metadata = {"huggingface": json.dumps({"info": {"features": features_json(features)}}, ensure_ascii=False)}
    return pa.schema(fields, metadata=metadata)


class ParquetPart:
    """Holds one row group at most. Images are stored as they are: they are compressed already."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        compression = {name: "zstd" for name in schema.names if name != "image"}
        compression |= {"image.bytes": "none", "image.path": "zstd"}
        texts = [name for name in schema.names if name in ("kind", "label")]
        self._file = pq.ParquetWriter(
            path, schema, compression=compression, use_dictionary=texts, write_page_checksum=True
        )
        self._rows: list[dict[str, Any]] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None and self._rows:
            self._write_group()
        self._file.close()

    def write(self, sample: Sample) -> int:
        """Returns about how many bytes it takes."""
        record = sample.record
        image = {"bytes": sample.image, "path": f"{sample.key}.{sample.extension}"}
        row = {"image": image, "label": record.label, "id": record.id, "kind": record.kind}
        self._rows.append(row | {"derived_from": record.derived_from})
        self._size += len(sample.image)
        if self._size >= ROW_GROUP_BYTES or len(self._rows) >= ROW_GROUP_ROWS:
            self._write_group()
        return len(sample.image) + len(record.id) + len(record.derived_from)

    def _write_group(self) -> None:
        table = pa.Table.from_pylist(self._rows, schema=self._schema)
        self._file.write_table(table, row_group_size=len(table))
        self._rows, self._size = [], 0
