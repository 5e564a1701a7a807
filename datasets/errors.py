"""The errors that a user can cause; each carries one sentence and has one exit code.

Those with `may_pass` come of something that is away for now: the same again may well succeed. Wrong data never passes.
"""

from datasets.masking import masked

MOST_CHARACTERS = 300


class BadInput(ValueError):
    """Wrong settings or data. The sentence says what was got, what is allowed and what to do. Exit code 2."""

    may_pass = False


class FormatError(BadInput):
    """A file of ours is damaged, or has a version that this code does not read. Exit code 2."""


class Refused(Exception):
    """A policy said no: a gate, or `--fail-on`. Exit code 3."""


class PlaceFailed(RuntimeError):
    """A disk or server that data is written to or read from failed, or is full; the sentence names it. Exit code 1."""

    may_pass = False


class OutOfMemory(RuntimeError):
    """The machine, or the limit of a process, gave no more memory. Exit code 1."""

    may_pass = False


class UnreachableInput(BadInput):
    """A store or cluster that the settings name does not answer. Exit code 2."""

    may_pass = True


class Unreachable(PlaceFailed):
    """A store or cluster that was in use went away. Exit code 1."""

    may_pass = True


def brief(error: object) -> str:
    """What an error says, or its repr, to stand within a sentence: one line, at most 300 characters, no credentials."""
    text = masked(" ".join(str(error).split()))
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
