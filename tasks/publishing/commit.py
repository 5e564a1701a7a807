"""What makes a version visible: `dataset_info.json`, then `latest`, and only if nothing changed meanwhile."""

from datasets.errors import PlaceFailed, Refused
from datasets.tfds_layout import DATASET_INFO_FILE, LATEST_FILE
from tasks.publishing.target import Target, latest_at


def commit(target: Target, name: str, version: str, info: bytes, before: str | None) -> None:
    """Make a version visible whose other files are all there and verified.

    `before` is what `latest` said when it was decided. Raises Refused where that is no longer so.
    """
    path = f"{name}/{version}/{DATASET_INFO_FILE}"
    check_latest(target, name, before)
    if not target.create(path, info):
        raise Refused(f"{name} {version} is not published: another run has published that version meanwhile; run again")
    if target.read(path) != info:
        raise PlaceFailed(f"{target.shown}/{path} is not what was written; run again")
    move_latest(target, name, version)


def check_latest(target: Target, name: str, before: str | None) -> None:
    """Raises Refused where `latest` does not say what it said before."""
    now = latest_at(target, name)
    if now != before:
        was, became = (found or "nothing" for found in (before, now))
        raise Refused(
            f"{name} is not published: its `latest` was {was} when this run began and is {became} now, because "
            "somebody else has published or promoted a version; run again"
        )


def move_latest(target: Target, name: str, version: str) -> None:
    """Let `latest` name a version, and read it back."""
    target.write(f"{name}/{LATEST_FILE}", f"{version}\n".encode())
    if latest_at(target, name) != version:
        raise PlaceFailed(f"{target.shown}/{name}/{LATEST_FILE} is not what was written; run again")
