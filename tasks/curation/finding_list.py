"""Collects what is found of images, and gives a rejected row its reason."""

from collections.abc import Iterable
from typing import Any, Literal

import pyarrow as pa

from datasets.manifest import FINDINGS_SCHEMA, KEY, Status

Row = dict[str, Any]
_USABLE = frozenset({Status.KEPT.value, Status.REPAIRED.value})  # plain texts, as tables give them: quicker to find
Action = Literal["reject", "note"]
# What must not be used, or has no class to be used in, stays out whatever the user's overrides say.
BEYOND_OVERRIDES = frozenset({"excluded", "override_drop", "label_missing", "label_unknown"})


class Findings:
    """Collects findings, one per image and fault."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._saved_from: dict[tuple[Any, ...], list[str]] = {}  # protected images -> what would have rejected them

    def add(self, row: Row, finding: str, severity: str, detail: str) -> None:
        """Record a finding of a manifest row."""
        key = {name: row[name] for name in ("source", "member", "frame", "sha256")}
        self.rows.append(key | {"finding": finding, "severity": severity, "detail": detail})

    def reject(self, row: Row, finding: str, detail: str) -> None:
        """Record a finding, and give the row its status and reason; of a protected row it is a note only."""
        saved_from = self._saved_from.get(_key(row))
        if saved_from is not None and finding not in BEYOND_OVERRIDES:
            saved_from.append(f"{finding}: {detail}")
            self.add(row, finding, "note", f"{detail}; kept by an override")
            return
        row.update(status=Status.REJECTED, reason=finding, detail=detail)
        self.add(row, finding, "reject", detail)

    def act(self, action: Action, row: Row, finding: str, detail: str) -> None:
        """Reject the row, or only note the finding, as the settings say."""
        if action == "reject":
            self.reject(row, finding, detail)
        else:
            self.add(row, finding, "note", detail)

    def protect(self, row: Row) -> None:
        """From now on nothing rejects this row, but for BEYOND_OVERRIDES."""
        self._saved_from.setdefault(_key(row), [])

    def saved_from(self, row: Row) -> list[str]:
        """What would have rejected a protected row, as `code: sentence`."""
        return self._saved_from.get(_key(row), [])

    def table(self) -> pa.Table:
        """All of them in the schema of findings."""
        return pa.Table.from_pylist(self.rows, schema=FINDINGS_SCHEMA)


def is_usable(row: Row) -> bool:
    """Whether nothing has rejected it so far."""
    return row["status"] in _USABLE


def usable(rows: Iterable[Row]) -> Iterable[Row]:
    """The rows that nothing has rejected so far, looked at one by one."""
    return (row for row in rows if is_usable(row))


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)
