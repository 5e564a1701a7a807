"""The errors that a user can cause; each carries one sentence and has one exit code."""


class BadInput(ValueError):
    """Wrong settings or data. The sentence says what was got, what is allowed and what to do. Exit code 2."""


class FormatError(BadInput):
    """A file of ours is damaged, or has a version that this code does not read. Exit code 2."""


class Refused(Exception):
    """A policy said no: a gate, or `--fail-on`. Exit code 3."""


class PlaceFailed(RuntimeError):
    """A disk or server that data is written to or read from failed, or is full; the sentence names it. Exit code 1."""
