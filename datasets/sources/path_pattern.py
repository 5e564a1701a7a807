"""Patterns over paths, e.g. `{split}/{label}/*.png`, and what a path says by them.

A pattern has parts between slashes. `{label}`, `{split}` and `{group}` stand for text of one part, `*` for any such
text, also none; `**` as a whole part for any number of folders, as the last one for a file at any depth below. All
take as much as they can. Anything else stands for itself.
"""

import re
from functools import lru_cache

FIELDS = ("label", "split", "group")
MAX_OPEN_TEXTS = 3
"""Of them in one part: a part of n letters is tried in n^2 ways then."""
MAX_PART_LENGTH = 1024
MAX_PATH_LENGTH = 4096
_TOKEN = re.compile(r"\{([^{}]*)\}|(\*+)|([{}])")
_ANY_FOLDERS = r"(?:[^/]+/)*"


def fields_of(pattern: str, path: str) -> dict[str, str] | None:
    """What a path says: label, split, group, as far as the pattern has them; None where it does not fit."""
    if len(path) > MAX_PATH_LENGTH or any(len(part) > MAX_PART_LENGTH for part in path.split("/")):
        return None
    match = path_pattern(pattern).fullmatch(path)
    return match.groupdict() if match else None


@lru_cache(maxsize=64)
def path_pattern(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern. Raises ValueError with a sentence for one that is none."""
    parts = pattern.split("/")
    if not all(parts) or ".." in parts or "." in parts:
        raise ValueError(f"{pattern!r} has an empty part, . or ..; give a pattern such as {{split}}/{{label}}/*")
    names = [match[1] for match in _TOKEN.finditer(pattern) if match[1] is not None]
    _check_names(pattern, names)
    *folders, last = parts
    if parts.count("**") > 2:
        raise ValueError(f"{pattern!r} has ** more than twice; give the folders between")
    text = "".join(_ANY_FOLDERS if part == "**" else _part(pattern, part) + "/" for part in folders)
    return re.compile(text + (rf"{_ANY_FOLDERS}[^/]+" if last == "**" else _part(pattern, last)))


def _check_names(pattern: str, names: list[str]) -> None:
    for name in names:
        if name not in (*FIELDS, "*"):
            raise ValueError(f"{pattern!r} has {{{name}}}; allowed are {{label}}, {{split}}, {{group}}, * and **")
        if name != "*" and names.count(name) > 1:
            raise ValueError(f"{pattern!r} has {{{name}}} twice; put * where it stands again")
    if not set(names) & set(FIELDS):
        raise ValueError(f"{pattern!r} reads nothing; put {{label}} where the label stands, e.g. {{label}}/*")


def _part(pattern: str, part: str) -> str:
    """Of one part of a path, whatever follows: it is not tried in other ways when a later part does not fit."""
    texts, end = [], 0
    tokens = list(_TOKEN.finditer(part))
    for token in tokens:
        texts += [re.escape(part[end : token.start()]), _token(pattern, token)]
        end = token.end()
    if len(tokens) > MAX_OPEN_TEXTS:
        raise ValueError(f"{part!r} has more than {MAX_OPEN_TEXTS} fields and *; give more of its text")
    return f"(?>{''.join(texts)}{re.escape(part[end:])}(?![^/]))"


def _token(pattern: str, token: re.Match[str]) -> str:
    name, stars, brace = token.groups()
    if brace:
        raise ValueError(f"{pattern!r} has a single {brace}; a field is written {{label}}")
    if stars and len(stars) > 1:
        raise ValueError(f"{pattern!r} has {stars} beside other text; ** stands alone between slashes")
    return "[^/]*" if stars or name == "*" else f"(?P<{name}>[^/]+)"
