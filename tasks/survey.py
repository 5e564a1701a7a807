"""What the sources hold as far as that is known before any work: counts by label, from one listing."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datasets.errors import BadInput
from datasets.sources.base import PROBLEMS, Source
from datasets.sources.registry import open_sources, places_of
from datasets.sources.settings import NamesSources
from tasks.imaging.formats import SUPPORTED, sniff_format
from tasks.source_limits import limited_sources

MAX_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class Survey:
    """Counts of members. `unfetched` names the sources that could not be listed yet.

    `images` counts members without a problem: per label, by the split that their source gives them.
    """

    members: int = 0
    images: Mapping[str | None, Counter[str | None]] = field(default_factory=dict)
    problems: Counter[str] = field(default_factory=Counter)
    unfetched: tuple[str, ...] = ()

    @property
    def labels(self) -> set[str]:
        """All labels of usable members."""
        return {label for label in self.images if label is not None}


def survey(settings: NamesSources, cache: Path) -> Survey:
    """List the sources once. Holds no more than a count per label."""
    sources = open_sources(settings, cache)
    unfetched = tuple(name for name, source in sources.items() if not source.is_fetched)
    members = 0
    images: dict[str | None, Counter[str | None]] = defaultdict(Counter)
    problems: Counter[str] = Counter()
    for source in _countable(settings, sources):
        for item in source.items():
            members += 1
            if item.problem is None:
                images[item.label][item.split] += 1
            else:
                problems[item.problem] += 1
    return Survey(members, images, problems, unfetched)


def _countable(settings: NamesSources, sources: Mapping[str, Source]) -> list[Source]:
    """Those at hand, with limits. Of a mixture by weights all or none: a share of the unknown is unknown."""
    leaves = [leaf for leaf in settings.leaves if sources[leaf.resolved_name].is_fetched]
    if len(leaves) < len(sources) and any(leaf.weight is not None for leaf in settings.leaves):
        return []
    return limited_sources(leaves, {leaf.resolved_name: sources[leaf.resolved_name] for leaf in leaves})


def check_holds_images(settings: NamesSources, cache: Path) -> None:
    """Raises BadInput where a source is missing or empty, or nothing in it looks like an image.

    Of a source without images at its beginning, some are looked at; one that is still to be fetched is not.
    """
    places = places_of(settings)
    for name, source in open_sources(settings, cache).items():
        if source.is_fetched:
            _check_holds_images(source, places[name])


def _check_holds_images(source: Source, place: str) -> None:
    members, looked_at, first = 0, 0, ""
    problems: Counter[str] = Counter()
    for item in source.items():
        members += 1
        if item.problem:
            problems[item.problem] += 1
            first = first or item.detail or PROBLEMS[item.problem].sentence
        elif looked_at < MAX_LOOKED_AT:
            looked_at += 1
            if _looks_like_an_image(source, item.member):
                return
    if members == 0:
        raise BadInput(f"{place} holds no files; expected images in it or in one folder per class")
    if members == problems.total():
        counted = ", ".join(f"{count} {problem}" for problem, count in problems.most_common())
        raise BadInput(
            f"none of the {members} files in {place} can be used ({counted}; the first: {first}); check the source"
        )
    if looked_at < MAX_LOOKED_AT:
        raise BadInput(
            f"none of the {members} files in {place} looks like an image; "
            f"{', '.join(SUPPORTED)} are read; check source.path"
        )


def _looks_like_an_image(source: Source, member: str) -> bool:
    try:
        return sniff_format(source.read(member)[:64]) is not None
    except OSError:
        return False
