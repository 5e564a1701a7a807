"""What a stage's process says of an error: a sentence where the machine is at fault, else the error's own words."""

from errno import EDQUOT, EFBIG, ENOSPC, EROFS
from pathlib import Path

from datasets.errors import OutOfMemory, PlaceFailed

TAKES_NO_MORE = (ENOSPC, EDQUOT, EFBIG, EROFS)
SQLITE_TAKES_NO_MORE = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")


def told(error: Exception, work: str, folder: Path) -> Exception:
    """The error as people are told of it; `folder` is where the stage writes."""
    if isinstance(error, MemoryError):
        return OutOfMemory(
            f"{work} stopped: it ran out of memory; end other programs, or set compute.workers lower, then run again: "
            "what is finished is kept"
        )
    if (why := _takes_no_more(error)) is not None:
        place = getattr(error, "filename", None) or folder
        return PlaceFailed(
            f"{work} stopped: {place} cannot be written ({why}); make room, then run again: what is finished is kept"
        )
    return error


def _takes_no_more(error: Exception) -> str | None:
    """Why the disk took no more, where that is what happened."""
    if isinstance(error, OSError) and error.errno in TAKES_NO_MORE:
        return (error.strerror or str(error)).lower()
    if getattr(error, "sqlite_errorname", "").startswith(SQLITE_TAKES_NO_MORE):  # told without importing its library
        return str(error).lower()
    return None
