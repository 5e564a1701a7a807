"""What users can set about downloads."""

import hashlib
import ipaddress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel, ConfigDict, Field, field_validator

from datasets.sources.base import MAX_MEMBER_BYTES

PRODUCT = "augment-dataset"
RULES_VERSION = 1  # counted up when this code's own rules change, so that what the old ones refused is tried again


class DownloadSettings(BaseModel):
    """How fast, how long, how much, and what is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_s: float = Field(10, gt=0, le=600, description="wait so long for a connection, and for the next bytes")
    total_timeout_s: float = Field(60, gt=0, le=3600, description="one attempt at one URL may take so long in all")
    max_bytes: int = Field(32 << 20, ge=1, le=MAX_MEMBER_BYTES, description="larger files are not downloaded")
    max_connections: int = Field(32, ge=1, le=256, description="downloads at the same time")
    max_connections_per_host: int = Field(4, ge=1, le=64, description="of these, from one server")
    max_requests_per_host_per_s: float | None = Field(
        None, gt=0, description="requests to one server in a second; null = no limit but its connections"
    )
    retries: int = Field(3, ge=0, le=20, description="further attempts after a failure that may pass")
    backoff_s: float = Field(1, ge=0, le=60, description="longest wait before the first retry; doubles with each")
    max_retry_after_s: float = Field(
        120, ge=0, le=3600, description="wait at most so long when a server says when to come back"
    )
    retry_failed_after_s: float = Field(
        300, ge=0, description="runs this much later try again what failed for a passing reason"
    )
    retry_permanent: bool = Field(False, description="try again, too, what failed for good (say, not found)")
    max_redirects: int = Field(5, ge=0, le=20, description="redirects followed for one URL")
    respect_robots_tag: bool = Field(True, description="leave out what servers mark noai or noimageai")
    allowed_private_networks: tuple[str, ...] = Field(
        (), description='private networks that may be downloaded from, e.g. ["10.0.0.0/8"]; default: none'
    )
    user_agent: str | None = Field(
        None,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        max_length=256,
        description="who servers are told is asking; add how to reach you; default: augment-dataset/<version>",
    )

    @field_validator("allowed_private_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(
                    f"got {network!r}, which is no network ({error}); write an address and a prefix length, "
                    "e.g. 10.0.0.0/8"
                ) from error
        return networks

    @property
    def resolved_user_agent(self) -> str:
        """The one that is set, or our name and version."""
        return self.user_agent or f"{PRODUCT}/{_own_version()}"

    @property
    def policy(self) -> str:
        """Digest of all that decides what is refused for good: 16 hex digits."""
        decides = (
            RULES_VERSION,
            self.max_bytes,
            self.max_redirects,
            self.respect_robots_tag,
            self.allowed_private_networks,
            self.user_agent,
        )
        return hashlib.sha256(repr(decides).encode()).hexdigest()[:16]


@cache
def _own_version() -> str:
    try:
        return version(PRODUCT)
    except PackageNotFoundError:
        return "0"
