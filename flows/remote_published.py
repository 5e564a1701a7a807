"""What is published at a URL, copied into the workspace before a run looks at it."""

from collections.abc import Sequence

from datasets.errors import BadInput, PlaceFailed
from flows.output import bar
from flows.settings import Settings
from tasks.published_versions import synthetic_name
from tasks.publishing.mirror import Mirror, publisher_id, sweep_mirrors
from tasks.publishing.remote_target import RemoteTarget
from tasks.publishing.target import latest_at
from tasks.stage import Stage, workspace_lock
from tasks.state import read_state


def refresh_published(settings: Settings, stages: Sequence[Stage], dry_run: bool = False) -> None:
    """Bring the copy up to date, and see that the URL can be written; nothing where `published` is a folder.

    Raises BadInput for a URL that cannot be opened or written, PlaceFailed where reading it fails.
    """
    place = settings.place
    if place.remote is None:
        sweep_mirrors(place.shared, keep=None)
        return
    with workspace_lock(place):
        sweep_mirrors(place.shared, keep=place.published)
        target = RemoteTarget.opened(place.remote, settings.publish.storage_options or {})
        if not dry_run and any(stage.section == "publish" for stage in stages):
            _check_writable(target, f"{settings.dataset}/.{publisher_id(place.shared)}")
        names = (settings.dataset, synthetic_name(settings.dataset))
        known = read_state(place.shared).published.get(settings.dataset)
        with bar(f"reading {target.shown}", "files") as progress:
            is_known = known is not None and known == latest_at(target, settings.dataset)
            Mirror(target, place.published).refresh(names, with_history=not is_known, progress=progress)


def _check_writable(target: RemoteTarget, path: str) -> None:
    try:
        target.write(path, b"")
        target.remove(path)
    except PlaceFailed as error:
        raise BadInput(f"published {target.shown} cannot be written to: {error}") from error
