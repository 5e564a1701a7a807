"""Opens the place where versions are published, whatever kind it is of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.publishing.local_target import LocalTarget
from tasks.publishing.target import Target, is_remote


def open_target(place: str | Path, storage_options: Mapping[str, Any] | None = None) -> Target:
    """The target at a folder or URL, which need not be there yet. Raises BadInput for a URL that cannot be opened."""
    if is_remote(place):
        from tasks.publishing.remote_target import RemoteTarget

        return RemoteTarget.opened(str(place), storage_options or {})
    return LocalTarget(Path(place))
