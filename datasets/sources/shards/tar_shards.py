"""From a path, folder, glob or brace range to tar shards with names of their own."""

import glob
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import BadInput
from datasets.sources.trees.tar_archive import TarArchive

MAX_SHARDS = 100_000
_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_RANGE = re.compile(r"\{([0-9]+)\.\.([0-9]+)\}")


@dataclass(frozen=True, slots=True)
class TarShard:
    """One shard; `name` is the first part of its members, without a slash, and no other shard has it."""

    name: str
    archive: TarArchive


def find_shards(location: str, cache: Path) -> tuple[TarShard, ...]:
    """The shards, sorted by path, at least one. Raises BadInput where there are none, or one of a range is missing."""
    paths = _paths_at(location)
    names = shard_names(paths)
    return tuple(TarShard(name, TarArchive(path, cache / name)) for name, path in zip(names, paths, strict=True))


def shard_names(paths: list[Path]) -> list[str]:
    """The names without their endings; where that is not unique, with the folders between, or a number."""
    stems = [_stem(path.name) for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    shared = len(_shared_parts(paths))
    names = ["__".join((*path.parts[shared:-1], path.name)) for path in paths]
    seen: Counter[str] = Counter()
    for index, name in enumerate(names):
        seen[name] += 1
        names[index] = name if seen[name] == 1 else f"{name}~{seen[name]}"
    return names


def _paths_at(location: str) -> list[Path]:
    path = Path(location).expanduser()
    if path.is_dir():
        return _tars_in(path)
    if path.is_file():
        return [path]
    if _RANGE.search(location):
        return _range_of(str(path))
    if any(mark in location for mark in "*?["):
        found = sorted(Path(name) for name in glob.glob(str(path)) if Path(name).is_file())  # noqa: PTH207
        if not found:
            raise BadInput(f"{path}: no file fits this pattern; give the tar shards of a WebDataset")
        return found
    raise BadInput(
        f"{path}: no such file or folder; give a tar, a folder of tars, train-*.tar or train-{{000..009}}.tar"
    )


def _tars_in(folder: Path) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if path.name.lower().endswith(_ENDINGS) and path.is_file())
    except OSError as error:
        raise BadInput(f"{folder}: cannot be listed ({error.strerror}); allow reading it") from error
    if not found:
        raise BadInput(f"{folder}: no tar in it ({', '.join(_ENDINGS)}); give the folder of a WebDataset's shards")
    return found


def _range_of(pattern: str) -> list[Path]:
    paths = [Path(text) for text in _expanded(pattern)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise BadInput(
            f"{pattern}: {len(missing)} of {len(paths)} shards are missing ({', '.join(missing[:3])}); copy them, or "
            "give the range of those there are"
        )
    return paths


def _expanded(pattern: str) -> Iterator[str]:
    """`a-{08..10}` -> a-08, a-09, a-10; several ranges give every combination, the last one running fastest."""
    texts = [""]
    position = 0
    for match in _RANGE.finditer(pattern):
        first, last = int(match[1]), int(match[2])
        if first > last or (last - first + 1) * len(texts) > MAX_SHARDS:
            raise BadInput(f"{pattern}: a range goes upwards and gives at most {MAX_SHARDS} shards; correct {match[0]}")
        steps = [f"{number:0{len(match[1])}d}" for number in range(first, last + 1)]
        texts = [text + pattern[position : match.start()] + step for text in texts for step in steps]
        position = match.end()
    return (text + pattern[position:] for text in texts)


def _shared_parts(paths: list[Path]) -> list[str]:
    return [parts[0] for parts in zip(*(path.parts[:-1] for path in paths), strict=False) if len(set(parts)) == 1]


def _stem(name: str) -> str:
    ending = next((ending for ending in sorted(_ENDINGS, key=len, reverse=True) if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)] or name
