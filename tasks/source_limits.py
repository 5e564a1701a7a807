"""How many images each source of a mixture gives, and which: by rank of a hash, so that a choice is stable.

An image stays chosen while its source grows, unless others of lower rank push it out.
"""

import hashlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from datasets.errors import BadInput
from datasets.sources.base import Source, SourceItem
from datasets.sources.settings import CommonSourceSettings


def limited_sources(leaves: Sequence[CommonSourceSettings], sources: Mapping[str, Source]) -> list[Source]:
    """The sources, by the names of their settings, with limits and weights applied.

    What is too much has the problem `over_limit`. Weighted sources are listed once to be counted.
    """
    limits = source_limits(leaves, sources)
    return [
        source if (limit := limits[name]) is None else LimitedSource(name, source, limit)
        for name, source in sources.items()
    ]


def source_limits(leaves: Sequence[CommonSourceSettings], sources: Mapping[str, Source]) -> dict[str, int | None]:
    """Most images of each source, None for all.

    Weighted sources are cut so that their sizes are in proportion to their weights; the one that is shortest of its
    share sets the size, and gives all that its own limit allows. Raises BadInput where that is nothing.
    """
    limits = {leaf.resolved_name: leaf.limit for leaf in leaves}
    weights = {leaf.resolved_name: leaf.weight for leaf in leaves if leaf.weight is not None}
    sizes = {name: _most(sources[name], limits[name]) for name in weights}
    if empty := [name for name, size in sizes.items() if not size]:
        raise BadInput(
            f"{empty[0]} gives no image that could be used, so that the other sources would give none either by their "
            "weights; check it, or remove its weight"
        )
    if weights:
        images_per_weight = min(sizes[name] / weight for name, weight in weights.items())
        limits |= {name: round(images_per_weight * weight) for name, weight in weights.items()}
    return limits


@dataclass(frozen=True, slots=True)
class LimitedSource(Source):
    """A source of which at most `limit` items are wanted; those without a problem of their own count."""

    name: str
    inner: Source
    limit: int

    def items(self) -> Iterator[SourceItem]:
        """All of them; lists the source twice, and holds `limit` numbers."""
        chosen = heapq.nsmallest(self.limit, (self._rank(item) for item in self.inner.items() if item.problem is None))
        highest = chosen[-1] if chosen else -1
        for item in self.inner.items():
            is_over = item.problem is None and self._rank(item) > highest
            yield replace(item, problem="over_limit", detail=self._detail()) if is_over else item

    def read(self, member: str) -> bytes:
        """That of the source."""
        return self.inner.read(member)

    def read_block(self, members: Sequence[str]) -> np.ndarray | None:
        """That of the source."""
        return self.inner.read_block(members)

    def _rank(self, item: SourceItem) -> int:
        digest = hashlib.blake2b(f"{self.name}/{item.member}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big")

    def _detail(self) -> str:
        return f"the settings take {self.limit} images of {self.name}, and it is not among them"


def _most(source: Source, limit: int | None) -> int:
    count = sum(item.problem is None for item in source.items())
    return count if limit is None else min(count, limit)
