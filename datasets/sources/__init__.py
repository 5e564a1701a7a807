"""Where images come from."""

from datasets.sources.base import PROBLEMS, Source, SourceItem
from datasets.sources.registry import open_source
from datasets.sources.settings import SourceKind, SourceSettings

__all__ = ["PROBLEMS", "Source", "SourceItem", "SourceKind", "SourceSettings", "open_source"]
