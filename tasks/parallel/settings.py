"""How work is spread: settings, and what they come to on this machine."""

import os
import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from datasets.errors import BadInput
from tasks.parallel.sizing import MIN_WORKER_MIB, WORKERS_SHARE, affordable_workers, usable_bytes, usable_cores

PARTITION_IMAGES = 256
# Files of a few hundred bytes are worked on faster than a partition of 256 is sent and stored.
SMALL_FILE_BYTES = 4096
MOST_TIMES_LARGER = 8
LOCAL_PROTOCOLS = ("file:", "local:")
ADDRESS_VARIABLE = "DASK_SCHEDULER_ADDRESS"  # that of Dask itself
_ADDRESS = re.compile(r"(?:(?:tcp|tls|ws|wss|ucx)://)?(?P<host>\[[0-9a-fA-F:]+\]|[^\s:/\[\]@]+):(?P<port>\d{1,5})/?")


class ComputeSettings(BaseModel):
    """How work is spread. Nothing here changes a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["processes", "threads", "synchronous"] = Field(
        "processes",
        description="processes; threads and synchronous cannot survive a decoder that crashes or hangs",
    )
    workers: int = Field(
        0, ge=0, le=1024, description="number of workers; 0 = one per core, as far as each has 512 MiB of memory"
    )
    dask_address: str | None = Field(
        None, description="address of a Dask scheduler to use instead of local workers, tcp://host:8786"
    )
    worker_wait_s: float = Field(
        60, ge=1, le=86_400, description="seconds to wait while the cluster at dask_address has no worker"
    )
    exchange: str | None = Field(
        None, description="URL by which files reach workers that do not see the workspace, s3://bucket/exchange"
    )
    partition_size: int = Field(
        0, ge=0, le=100_000, description="images per partition, the unit of work; 0 = 256, up to 2,048 of tiny files"
    )
    worker_memory_mib: int = Field(
        0, ge=0, description="memory at which a worker is stopped, in MiB; 0 = an equal share of this machine's"
    )

    @field_validator("dask_address")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        if address is not None:
            host_and_port(address)
        return address

    @field_validator("exchange")
    @classmethod
    def _is_object_storage(cls, url: str | None) -> str | None:
        if url is None:
            return None
        from tasks.publishing.remote_target import checked_place
        from tasks.publishing.target import is_remote

        if not is_remote(url) or url.startswith(LOCAL_PROTOCOLS):
            raise ValueError(
                f"{url} is a folder; give a URL such as s3://bucket/exchange, or leave exchange out where workers see "
                "the workspace"
            )
        try:
            return checked_place(url)
        except BadInput as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if self.exchange and self.address is None:
            raise ValueError(
                f"exchange is for a cluster, and dask_address names none; got exchange {self.exchange}; remove it, or "
                "give both"
            )
        if self.dask_address and self.mode != "processes":
            raise ValueError(f"dask_address is for mode processes; got mode {self.mode}; remove one of them")
        return self

    def images_per_partition(self, bytes_per_image: float | None = None) -> int:
        """The partition size, chosen by the mean size of the files where the settings leave it open.

        Not by the number of workers: packs are named for what is in them, and every machine is to give the same.
        """
        if self.partition_size:
            return self.partition_size
        return PARTITION_IMAGES * max(1, min(MOST_TIMES_LARGER, int(SMALL_FILE_BYTES / (bytes_per_image or 1e9))))

    @property
    def address(self) -> str | None:
        """Scheduler of the cluster to use, that of Dask's environment variable where the settings name none."""
        if self.mode != "processes":
            return None
        return self.dask_address or os.environ.get(ADDRESS_VARIABLE) or None

    @property
    def worker_count(self) -> int:
        """Local workers: as many as asked for, or as this machine bears."""
        if self.workers or self.mode != "processes":
            return self.workers or usable_cores()
        return affordable_workers(usable_cores(), usable_bytes(), self.worker_memory_mib or MIN_WORKER_MIB)

    def worker_bytes(self, workers: int | None = None) -> int:
        """Memory in bytes that each of so many local workers may hold."""
        return self.worker_memory_mib << 20 or int(usable_bytes() * WORKERS_SHARE) // (workers or self.worker_count)

    def shortage(self) -> str | None:
        """A sentence where fewer workers are started than there are cores, for want of memory."""
        if self.workers or self.mode != "processes" or self.address:
            return None
        cores, needed_mib = usable_cores(), self.worker_memory_mib or MIN_WORKER_MIB
        if self.worker_count >= cores:
            return None
        return (
            f"{self.worker_count} workers for {cores} cores: {usable_bytes() >> 20} MiB of memory give each "
            f"{needed_mib} MiB; set compute.workers to start more"
        )


def host_and_port(address: str) -> tuple[str, int]:
    """Of the address of a scheduler. Raises ValueError where it is none."""
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 65_536:
        raise ValueError(f"{address!r} is no address of a Dask scheduler; write it as tcp://host:8786")
    return match["host"].strip("[]"), int(match["port"])
