"""Which number a version gets, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from datasets.tfds_layout import Index, ShardFeatures
from tasks.digests import digest_of
from tasks.published_versions import version_numbers

FIRST_VERSION = "1.0.0"
CONTENT_KEYS = ("manifest_sha256",)
"""What of the lineage follows from the images, and is no setting."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A number, and one clause for each thing that made it this one."""

    version: str
    why: tuple[str, ...]


def choose_version(index: Index, last: Index | None, taken: Sequence[str]) -> Choice:
    """X = class set or shape changed, y = data or settings changed, z = same content published again.

    A number is never used twice, also where `latest` was moved back: the next x or y that is free is taken.
    """
    if last is None or last.version is None:
        return Choice(_free(FIRST_VERSION, taken), ("nothing was published before",))
    major, minor, patch = version_numbers(last.version)
    if why := tuple(_changes_of_features(index.features, last.features)):
        highest = max([major, *(version_numbers(version)[0] for version in taken)])
        return Choice(f"{highest + 1}.0.0", why)
    if publication_digest(index) != publication_digest(last):
        return Choice(_free(f"{major}.{minor + 1}.0", taken), tuple(_changes_of_content(index, last)))
    return Choice(_free(f"{major}.{minor}.{patch + 1}", taken), (f"the same as {last.version}, which is damaged",))


def publication_digest(index: Index) -> str:
    """Digest of all that a version says: content, how to normalise it, manifest with licences and rejects, lineage."""
    return digest_of([index.content_digest, asdict(index.normalise), dict(index.lineage)])


def _free(wanted: str, taken: Sequence[str]) -> str:
    major, minor, patch = version_numbers(wanted)
    while f"{major}.{minor}.{patch}" in taken:
        minor, patch = minor + 1, 0
    return f"{major}.{minor}.{patch}"


def _changes_of_features(now: ShardFeatures, before: ShardFeatures) -> Iterator[str]:
    for name in ("shape", "encoding", "pixels"):
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            yield f"{name} {_shown(old)} became {_shown(new)}"
    if now.class_names != before.class_names:
        old, new = before.class_names or (), now.class_names or ()
        changes = [f"+{name}" for name in new if name not in old] + [f"-{name}" for name in old if name not in new]
        yield f"classes: {', '.join(changes) or 'other ids'}"


def _changes_of_content(now: Index, before: Index) -> Iterator[str]:
    for split in sorted(now.splits.keys() | before.splits.keys()):
        old, new = (index.records(split) if split in index.splits else 0 for index in (before, now))
        if old != new:
            yield f"{split}: {old} images became {new}"
    if now.content_digest != before.content_digest:
        yield "other bytes in the shards"
    elif now.lineage.get("manifest_sha256") != before.lineage.get("manifest_sha256"):
        yield "another manifest (licences, rejects or measures)"
    if now.normalise != before.normalise:
        yield "another normalisation"
    keys = (now.lineage.keys() | before.lineage.keys()) - set(CONTENT_KEYS)
    changed = sorted(key for key in keys if now.lineage.get(key) != before.lineage.get(key))
    if changed:
        yield f"other {', '.join(changed)}"


def _shown(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
