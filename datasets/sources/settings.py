"""What the settings of all sources have in common. What one kind needs besides lies beside its code."""

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol, Self
from urllib.parse import unquote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from datasets.errors import BadInput

MAX_NAME_LENGTH = 100
URL_MARK = "://"


def _location(value: object) -> object:
    """A path as text; a `file://` URL is a local path."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        return text
    if text.startswith("file:///"):
        return unquote(text.removeprefix("file://"))
    protocol, mark, rest = text.partition(URL_MARK)
    host = rest.partition("/")[0]
    if mark and ("@" in host or "?" in rest):
        raise ValueError(
            f"{protocol}://{host.rpartition('@')[2].partition('?')[0]}: credentials or a query (?) in the URL, and "
            "settings are written down; set credentials in the environment or the service's own configuration file"
        )
    return text


Location = Annotated[str, BeforeValidator(_location)]
"""A local path, or a URL that fsspec opens."""

LabelText = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
"""A label; YAML reads 7 as a number where the text is meant."""


class NamesSources(Protocol):
    """Settings of one source or of several."""

    @property
    def leaves(self) -> "tuple[CommonSourceSettings, ...]":
        """The settings of the single sources."""
        ...

    @property
    def place(self) -> str:
        """Where the images are, as text for people."""
        ...


class CommonSourceSettings(BaseModel):
    """What every source can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path_fields: ClassVar[tuple[str, ...]] = ("path",)

    name: str | None = Field(
        None,
        description="name of this source in the manifest; default: made from the name of the folder or file",
        pattern=r"^[a-z0-9][a-z0-9_]*$",
        max_length=MAX_NAME_LENGTH,
    )
    licence: str | None = Field(None, description="licence of images that bring none, e.g. CC0-1.0")
    labels: Mapping[LabelText, LabelText | None] | None = Field(
        None, description="labels to rename, old: new; to null: images of this label are left out"
    )
    split_words: Mapping[LabelText, Literal["train", "validation", "test"] | None] | None = Field(
        None, description="what the source calls its splits, e.g. {holdout: test}; to null: split by shares"
    )
    limit: int | None = Field(None, ge=1, description="take at most so many images, spread evenly; null = all")
    weight: float | None = Field(None, gt=0, description="share in a mixture of sources; null = all images")

    @property
    def place(self) -> str:
        """Where the images are, as text for people: a path, a URL or a name."""
        return str(getattr(self, "path", ""))

    @property
    def leaves(self) -> tuple["CommonSourceSettings", ...]:
        """The settings of single sources that it is made of: itself."""
        return (self,)

    @property
    def resolved_name(self) -> str:
        """The name, or what `slug` makes of the last part of the place."""
        return self.name or slug(_last_part(self.place))

    @property
    def local_paths(self) -> tuple[Path, ...]:
        """The files and folders of this machine that it reads."""
        values = [getattr(self, field) for field in self.path_fields]
        return tuple(Path(value).expanduser() for value in values if value is not None and not is_url(value))

    def resolved(self, base: Path) -> Self:
        """The same with local paths made absolute against a folder."""
        changes = {
            field: str(absolute_path(base, value))
            for field in self.path_fields
            if (value := getattr(self, field)) is not None and not is_url(value)
        }
        return self.model_copy(update=changes)


def is_url(location: str) -> bool:
    """Whether it is a URL, not a local path."""
    return URL_MARK in location


def absolute_path(base: Path, path: str | Path) -> Path:
    """A path as people write it, against a folder. Raises BadInput for what manifests and reports cannot name."""
    try:
        expanded = Path(path).expanduser()
    except RuntimeError:
        raise BadInput(f"{path} names a user who is not known here; write ./{path} for what is called so") from None
    found = (base / expanded).resolve()
    if os.fsencode(found).decode(errors="ignore") != str(found):
        raise BadInput(f"{str(path)!r} is, or lies in, a folder or file whose name is not UTF-8; rename that")
    return found


def check_nameable(*paths: Path) -> None:
    """Raises BadInput for paths, also relative ones, that manifests and reports cannot name."""
    for path in paths:
        absolute_path(Path.cwd(), path)


def local_path(location: str, what: str) -> Path:
    """A location that has to be local. Raises BadInput for a URL; `what` is e.g. `an IDX file`."""
    if is_url(location):
        raise BadInput(f"{location}: {what} is read from this machine only; download it and give its path")
    return Path(location).expanduser()


def slug(text: str) -> str:
    """Any text -> lower-case letters, digits and single `_`, e.g. `Été 2024 (raw)` -> `ete_2024_raw`."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "_", ascii_text.lower()).strip("_")[:MAX_NAME_LENGTH].strip("_") or "source"


def _last_part(place: str) -> str:
    """Of a URL its last part; of a path its resolved name, without the ending of an archive or table."""
    name = place.rstrip("/").rpartition("/")[2] if is_url(place) else Path(place).expanduser().resolve().name
    return re.sub(r"(\.(zip|tar|tgz|gz|bz2|xz|parquet|arrow|csv|jsonl|txt|tfrecord))+$", "", name, flags=re.IGNORECASE)
