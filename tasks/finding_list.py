"""Collects what is found of images, and gives a rejected row its reason."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from datasets.manifest import FINDINGS_SCHEMA, Status

Row = dict[str, Any]


class Findings:
    """Collects findings, one per image and fault."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, row: Row, finding: str, severity: str, detail: str) -> None:
        """Record a finding of a manifest row."""
        key = {name: row[name] for name in ("source", "member", "frame", "sha256")}
        self.rows.append(key | {"finding": finding, "severity": severity, "detail": detail})

    def reject(self, row: Row, finding: str, detail: str) -> None:
        """Record a finding, and give the row its status and reason."""
        row.update(status=Status.REJECTED, reason=finding, detail=detail)
        self.add(row, finding, "reject", detail)

    def table(self) -> pa.Table:
        """All of them in the schema of findings."""
        return pa.Table.from_pylist(self.rows, schema=FINDINGS_SCHEMA)


def is_usable(row: Row) -> bool:
    """Whether nothing has rejected it so far."""
    return row["status"] in (Status.KEPT, Status.REPAIRED)


def usable(rows: Iterable[Row]) -> Iterable[Row]:
    """The rows that nothing has rejected so far, looked at one by one."""
    return (row for row in rows if is_usable(row))
