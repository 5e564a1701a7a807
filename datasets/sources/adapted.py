"""What the settings of every source can change in its listing: labels, and the licence of what brings none."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from datasets.sources.base import FetchProgress, Source, SourceItem


@dataclass(frozen=True, slots=True)
class Adapted(Source):
    """A source with labels renamed or left out, and a licence for items without one."""

    name: str
    inner: Source
    labels: Mapping[str, str | None]
    licence: str | None

    @property
    def is_fetched(self) -> bool:
        """That of the source."""
        return self.inner.is_fetched

    def fetch(self, progress: FetchProgress) -> None:
        """That of the source."""
        self.inner.fetch(progress)

    def identity(self) -> str | None:
        """That of the source: the rest is settings."""
        return self.inner.identity()

    def unfinished(self) -> str | None:
        """That of the source."""
        return self.inner.unfinished()

    def items(self) -> Iterator[SourceItem]:
        """Those of the source, adapted."""
        return map(self._adapted, self.inner.items())

    def read(self, member: str) -> bytes:
        """That of the source."""
        return self.inner.read(member)

    def _adapted(self, item: SourceItem) -> SourceItem:
        if item.licence is None and self.licence is not None:
            item = replace(item, licence=self.licence)
        if item.label is None or item.label not in self.labels:
            return item
        label = self.labels[item.label]
        if label is None and item.problem is None:
            return replace(item, problem="label_left_out", detail=f"label {item.label} is left out by source.labels")
        return replace(item, label=label)
