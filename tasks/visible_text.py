"""Names as people can read them: what would steer a terminal, or turn the text around it, is shown as an escape."""

import re

ON_PAGES = "\n\t\xa0\u200c\u200d"
"""What does no harm on a page: white space, and what joins letters of some scripts."""
_MARKUP = re.compile(r"[\\`*\[\]<>|#~$]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")


def visible(text: str, keep: str = "") -> str:
    r"""The text with `\x1b`, `\u202e` and their like in the place of all that is not printable and not in `keep`."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii") for char in text
    )


def as_markdown(text: object) -> str:
    """Any text as the content of a line or cell of Markdown: what would be read as markup or HTML is escaped."""
    return _MARKUP.sub(r"\\\g<0>", visible(" ".join(str(text).split())))
