"""What a source of images is: a listing of members, and the bytes of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_MEMBER_BYTES = 1 << 30
FetchProgress = Callable[[int, int], None]


class Problem(NamedTuple):
    """What keeps a member from being read. `by_policy`: nothing is wrong with it, but it is not wanted."""

    sentence: str
    by_policy: bool = False


PROBLEMS = {
    "archive_link": Problem("a link inside an archive, which is not followed"),
    "bad_side_file": Problem("the file with its label or caption cannot be read"),
    "bad_label": Problem("its label cannot be the name of a class; rename it (source.labels), or mend it"),
    "broken_link": Problem("a symbolic link to nothing"),
    "download_failed": Problem("it could not be downloaded"),
    "duplicate_name": Problem("another member of the same name comes before it"),
    "encrypted": Problem("it is encrypted; unpack the archive with its password first"),
    "file_too_large": Problem(f"more than {MAX_MEMBER_BYTES >> 20} MiB, which is no image"),
    "hidden_file": Problem("a hidden file or folder (its name begins with a dot)", by_policy=True),
    "label_left_out": Problem("its label is left out by the settings", by_policy=True),
    "label_table": Problem("the table of labels itself", by_policy=True),
    "label_table_conflict": Problem("several rows of the table of labels name it, and do not agree"),
    "missing_file": Problem("the table of labels names it, but there is no such file"),
    "name_not_utf8": Problem("the file's name is not UTF-8, so that it cannot be written into a manifest; rename it"),
    "no_image": Problem("a record without an image"),
    "not_a_regular_file": Problem("a socket, pipe or device, not a file"),
    "not_allowed": Problem("its server asks not to use it for AI (X-Robots-Tag)", by_policy=True),
    "not_in_table": Problem("the table of labels does not name it"),
    "not_real": Problem("an augmented or synthetic image, which is never taken for a real one", by_policy=True),
    "over_limit": Problem("its source gives enough images without it", by_policy=True),
    "pattern_mismatch": Problem("its path does not fit the pattern that labels are read from"),
    "symlink_loop": Problem("a symbolic link to a folder that holds it"),
    "unknown_split": Problem("its split is none of train, validation and test"),
    "unreadable_file": Problem("the file's size and time cannot be read"),
    "unreadable_folder": Problem("the folder cannot be listed, so that what it holds is not in this data set"),
    "unsafe_name": Problem("a name that leads out of the archive, or is absolute"),
    "unsafe_url": Problem("a URL that is not asked for: neither http nor https, or in a private network"),
    "unsupported_compression": Problem("it is compressed in a way that is not read"),
}
"""Code -> what it means. Codes are stable; sentences are not."""


def without_folders(error: OSError) -> str:
    """What went wrong, as a sentence that may be published: absolute paths lose their folders."""
    return re.sub(r"(?<![\w./:])/(?:[^/:'\"\n]+/)+", "", error.strerror or str(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceItem:
    """One member; `member` is a POSIX-like path, unique in its source. An item with a `problem` cannot be read.

    `version_tag` changes whenever the bytes may have changed (time, ETag, checksum); "" where nothing tells.
    `size_bytes` is None where it is not known before reading. `split` is the one that the source itself assigns:
    train, validation, test, another word, which `source.split_words` may translate, or None. `origin` is a URI without
    absolute local paths and credentials. `detail` says more than PROBLEMS[problem] does.
    """

    member: str
    size_bytes: int | None = None
    version_tag: str = ""
    label: str | None = None
    group: str | None = None
    licence: str | None = None
    caption: str | None = None
    split: str | None = None
    origin: str | None = None
    problem: str | None = None
    detail: str | None = None


class Source(Protocol):
    """Where images come from. Can be pickled and opened anew in every worker; lists in the same order every time."""

    name: str
    """First part of every key of the manifest."""

    @property
    def is_fetched(self) -> bool:
        """Whether `items` and `read` work as they are. Where not, `fetch` comes first."""
        return True

    def fetch(self, progress: FetchProgress) -> None:
        """Bring what is not at hand (downloads, unpacking) into the source's cache; goes on where it was stopped.

        `progress(done, total)`. Raises BadInput where that cannot work at all; what one member lacks is a `problem`.
        """
        return None

    def identity(self) -> str | None:
        """A cheap text that changes whenever `items` might; None where only the listing itself can tell."""
        return None

    def unfinished(self) -> str | None:
        """Why a listing that is done should be made again (say, downloads that may work now); None mostly."""
        return None

    def items(self) -> Iterator[SourceItem]:
        """Every member, also what cannot be read, in a fixed order, without holding all of them."""
        ...

    def read(self, member: str) -> bytes:
        """A member's bytes: an encoded image file. Raises OSError when it cannot be read, whatever the reason."""
        ...

    def read_block(self, members: Sequence[str]) -> NDArray[np.uint8] | None:
        """uint8 [N, H, W, C], C in {1, 3}, where these members are small bare arrays of one shape; None mostly.

        `read` gives the same pixels, each image's behind `pnm_header(H, W, C)`. Raises OSError where it would for one.
        """
        return None
