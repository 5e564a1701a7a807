"""Settings of a source of images."""

import re
import unicodedata
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SourceKind = Literal["auto", "folder_per_class", "flat_folder"]
MAX_NAME_LENGTH = 100


class SourceSettings(BaseModel):
    """Where the images are and how their labels are found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: SourceKind = Field("auto", description="auto, folder_per_class (folder = label) or flat_folder (no labels)")
    path: Path = Field(description="folder that holds the images")
    name: str | None = Field(
        None,
        description="name of this source in the manifest; default: made from the name of the folder",
        pattern=r"^[a-z0-9][a-z0-9_]*$",
        max_length=MAX_NAME_LENGTH,
    )
    licence: str | None = Field(None, description="licence of the images, e.g. CC0-1.0; kept in the manifest")

    @property
    def resolved_name(self) -> str:
        """The name, or what `slug` makes of the folder's name."""
        return self.name or slug(self.path.resolve().name)


def slug(text: str) -> str:
    """Any text -> lower-case letters, digits and single `_`, e.g. `Été 2024 (raw)` -> `ete_2024_raw`."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "_", ascii_text.lower()).strip("_")[:MAX_NAME_LENGTH] or "source"
