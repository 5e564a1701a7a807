"""What came of a URL: one record each, and a table that says which failures may pass."""

from dataclasses import dataclass
from typing import NamedTuple


class Meaning(NamedTuple):
    """Of an outcome: whether another try may end otherwise, and the code in sources.base.PROBLEMS; None = fine."""

    passing: bool
    problem: str | None = "download_failed"


DOWNLOADED = "downloaded"
OUTCOMES = {
    "bad_redirect": Meaning(passing=False),
    DOWNLOADED: Meaning(passing=False, problem=None),
    "empty_body": Meaning(passing=False),
    "encoded_body": Meaning(passing=False),
    "host_down": Meaning(passing=True),
    "http_error": Meaning(passing=False),
    "no_answer": Meaning(passing=True),
    "not_allowed": Meaning(passing=False, problem="not_allowed"),
    "not_trusted": Meaning(passing=False),
    "server_busy": Meaning(passing=True),
    "too_many_bytes": Meaning(passing=False),
    "too_many_redirects": Meaning(passing=False),
    "too_slow": Meaning(passing=True),
    "truncated_body": Meaning(passing=True),
    "unsafe_url": Meaning(passing=False, problem="unsafe_url"),
    "wrong_type": Meaning(passing=False),
}
"""Codes are stable: they are written into caches."""


class Failed(Exception):
    """One attempt failed. `code` is one of OUTCOMES, the sentence says why; `wait_s` is what the server asked for."""

    def __init__(self, code: str, detail: str, *, status: int | None = None, wait_s: float | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status
        self.wait_s = wait_s

    @property
    def passing(self) -> bool:
        """Whether another attempt may end otherwise."""
        return OUTCOMES[self.code].passing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one URL. `key` stands for the URL; `sha256` is that of the bytes, hex; `robots` the directive seen.

    `url` and `final_url`, where redirects led, are without credentials. `attempts` counts those of the last fetch.
    """

    key: int
    url: str
    code: str
    detail: str | None = None
    status: int | None = None
    attempts: int = 0
    size_bytes: int | None = None
    sha256: str | None = None
    final_url: str | None = None
    robots: str | None = None

    @property
    def meaning(self) -> Meaning:
        """What the code says."""
        return OUTCOMES[self.code]
