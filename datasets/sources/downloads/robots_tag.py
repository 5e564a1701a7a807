"""The response header X-Robots-Tag: whether a server asks not to use an image for AI."""

from collections.abc import Iterable

REFUSING = ("noai", "noimageai")
_WITH_A_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")


def refusing_directive(values: Iterable[str], user_agent: str) -> str | None:
    """The first of `noai` and `noimageai` that the header's values address to us; None without one.

    A value is a list of directives, e.g. `noindex, noai`; after `name:` they are for the robot of that name only.
    """
    product = user_agent.partition("/")[0].strip().lower()
    for value in values:
        for_us = True
        for part in value.lower().split(","):
            name, colon, rest = (text.strip() for text in part.partition(":"))
            if colon and name not in _WITH_A_VALUE:
                for_us, name = name in ("*", product), rest
            if for_us and name in REFUSING:
                return name
    return None
