"""Where images come from."""

from typing import TYPE_CHECKING, Any

from datasets.sources.base import PROBLEMS, Source, SourceItem

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """What the registry has, imported by whoever opens sources: it knows every kind."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from datasets.sources import registry

    return getattr(registry, name)
