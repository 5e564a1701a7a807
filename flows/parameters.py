"""Parameters of the flows: types that make a form with descriptions and bounds, and refuse a run before it exists."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from datasets.sources.registry import ALL_KINDS
from flows.check import ANY
from flows.partitions import PATTERN
from tasks.findings import FINDINGS

WITHOUT_CREDENTIALS = r"^(([^:]|:[^/]|:/[^/])*:?/?|file://.*|[^:]*://[^/@?]*(/[^?]*)?)$"
"""A path, or a URL without user and query: Prefect keeps the parameters of an order as they are."""


@dataclass(frozen=True)
class Described:
    """Description of a parameter for Prefect's form, which does not show that of a `Field`."""

    text: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(core), "description": self.text}


@dataclass(frozen=True)
class OneOf:
    """The names that a text may be; a form offers them."""

    names: tuple[str, ...]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(core), "enum": list(self.names)}


SettingsFile = Annotated[str, Described("YAML file of settings; `augment-dataset init` writes one")]
Dataset = Annotated[
    str | None, Field(pattern=r"^[a-z][a-z0-9_]*$"), Described("name of the data set, instead of the file's")
]
Partition = Annotated[
    str | None, Field(pattern=PATTERN), Described("what {partition} in the file's source stands for, e.g. 2026-11-22")
]
Seed = Annotated[int | None, Field(ge=0, lt=2**31), Described("seed of every random choice, instead of the file's")]
Workers = Annotated[int | None, Field(ge=0, le=1024), Described("Dask workers; 0 = one per core, if memory allows")]
DaskAddress = Annotated[
    str | None, Field(pattern=r"^[^@?]*$"), Described("scheduler of an existing Dask cluster, tcp://host:8786")
]
TrainImages = Annotated[int | None, Field(ge=1), Described("training budget in images, instead of the file's")]
Rehash = Annotated[bool, Described("read and hash every source file again, whatever its size and time say")]
GpuLimit = Annotated[
    str | None,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"),
    Described("global concurrency limit of which stages with models hold a slot; one slot per GPU; none = no waiting"),
]

Location = Annotated[
    str,
    Field(min_length=1, pattern=WITHOUT_CREDENTIALS),
    Described("folder, archive, URL or other source of images, or a settings file"),
]
Out = Annotated[
    str, Field(min_length=1), Described("folder for manifest, findings and report; older ones are replaced")
]
Kind = Annotated[str, OneOf(ALL_KINDS), Described("kind of source; `augment-dataset sources` lists them")]
FailOn = Annotated[
    list[Annotated[str, OneOf((ANY, *sorted(FINDINGS)))]] | None,
    Described("findings that fail the run; any = every reject"),
]
