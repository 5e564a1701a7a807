"""Names inside archives: what is safe to show and to look up, and what is hidden."""

import re

_SPECIAL = re.compile(r"[\\\x00-\x1f\x7f-\x9f]|^[A-Za-z]:|(?:^|/)\.{0,2}(?:/|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"^([A-Za-z]):")
_HIDDEN = re.compile(r"(?:^|/)(?:\.|__MACOSX(?:/|$))")


def safe_name(name: str) -> tuple[str, bool]:
    r"""A file's name as it stands in an archive -> (POSIX path, whether it is safe).

    Backslashes separate folders, since Windows tools write them; empty parts and `.` say nothing and are dropped. Not
    safe: absolute, with a drive, with `..` or control characters. These are shown escaped, e.g. `\x2e\x2e/passwd`.
    """
    if not _SPECIAL.search(name):
        return name, True
    posix = name.replace("\\", "/")
    parts = [part for part in posix.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or posix.startswith("/") or _DRIVE.match(posix) or _CONTROL.search(posix):
        return _escaped(posix, parts), False
    return "/".join(parts), True


def is_hidden(name: str) -> bool:
    """Whether a part of the path begins with a dot, or it is what macOS keeps beside the files."""
    return _HIDDEN.search(name) is not None


def _escaped(posix: str, parts: list[str]) -> str:
    """A readable path that is safe to show; what made the name unsafe stands as its code."""
    shown = "/".join(part.replace(".", r"\x2e") if part == ".." else part for part in parts)
    if posix.startswith("/"):
        shown = r"\x2f" + shown
    shown = _DRIVE.sub(r"\1\\x3a", shown)
    return _CONTROL.sub(lambda found: rf"\x{ord(found[0]):02x}", shown) or r"\x2e"
