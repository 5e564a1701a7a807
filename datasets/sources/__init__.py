"""Where images come from."""

from datasets.sources.base import PROBLEMS, Source, SourceItem
from datasets.sources.registry import KINDS, SourceSettings, open_source, open_sources, source_settings

__all__ = [
    "KINDS",
    "PROBLEMS",
    "Source",
    "SourceItem",
    "SourceSettings",
    "open_source",
    "open_sources",
    "source_settings",
]
