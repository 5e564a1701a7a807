"""What holds for the listing of every source: texts that can be written down, splits of three names, and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from datasets.sources.base import FetchProgress, Source, SourceItem
from datasets.sources.split_names import split_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEXTS = ("member", "group", "licence", "caption", "origin", "detail")
SPLITS = {"train", "validation", "test"}


@dataclass(frozen=True, slots=True)
class Adapted(Source):
    """A source whose items are fit for a manifest: labels renamed or left out, splits of three names, and a licence."""

    name: str
    inner: Source
    labels: Mapping[str, str | None]
    licence: str | None
    words: Mapping[str, str | None] = field(default_factory=dict)  # what it calls splits -> train, validation, test

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

    def read_block(self, members: Sequence[str]) -> NDArray[np.uint8] | None:
        """That of the source."""
        return self.inner.read_block(members)

    def _adapted(self, item: SourceItem) -> SourceItem:
        changes: dict[str, Any] = {}
        # Most texts are ASCII, and all that are looked at once are looked at quickly; absent ones read None.
        if not f"{item.member}{item.group}{item.licence}{item.caption}{item.origin}{item.detail}".isascii():
            changes |= _written(item)
        if item.licence is None and self.licence is not None:
            changes["licence"] = self.licence
        if item.label is not None and (self.labels or not is_plain(item.label)):
            changes |= self._label(item, item.label)
        if item.split is not None and (self.words or item.split not in SPLITS):
            changes |= self._split(item, item.split.strip())
        return replace(item, **changes) if changes else item

    def _label(self, item: SourceItem, label: str) -> dict[str, Any]:
        known = self.labels.get(label.strip(), label.strip())
        if known is None:
            told = {"problem": "label_left_out", "detail": f"label {label.strip()} is left out by source.labels"}
            return {"label": None} if item.problem else told
        if not known.isprintable():
            written = ascii(known)[1:-1]
            told = {"label": written, "problem": "bad_label", "detail": f"label {written} holds control characters"}
            return {"label": written} if item.problem else told
        return {"label": known or None} if known != item.label else {}

    def _split(self, item: SourceItem, word: str) -> dict[str, Any]:
        """The split that another word stands for; an unknown word is no reason to draw lots."""
        if word in self.words:
            return {"split": self.words[word]}
        split = split_of(word)
        if split or item.problem or not word:
            return {"split": split}
        detail = f"its source says split {word!a}, which source.split_words can translate"
        return {"split": None, "problem": "unknown_split", "detail": detail}


def is_plain(label: str) -> bool:
    """Whether a label is what it would be made: not empty, without spaces around it or control characters."""
    return bool(label) and label == label.strip() and label.isprintable()


def _written(item: SourceItem) -> dict[str, str]:
    """The texts that cannot be written down as they are, as they can."""
    texts = {name: getattr(item, name) for name in TEXTS}
    written = {name: _writable(text) for name, text in texts.items() if text is not None}
    return {name: text for name, text in written.items() if text != texts[name]}


def _writable(text: str) -> str:
    """Without what UTF-8 cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
