"""The Prefect flows. Each is a list of stages; the stages themselves are in tasks/."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from flows.prefect_environment import set_environment

set_environment()

from prefect import flow  # noqa: E402
from prefect.logging import get_run_logger  # noqa: E402
from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: E402
from pydantic import Field, GetJsonSchemaHandler  # noqa: E402
from pydantic.json_schema import JsonSchemaValue  # noqa: E402
from pydantic_core import CoreSchema  # noqa: E402

from flows.events import announce_versions  # noqa: E402
from flows.local_server import LocalServer  # noqa: E402
from flows.preflight import preflight  # noqa: E402
from flows.remote_published import refresh_published  # noqa: E402
from flows.settings import load_settings, overrides_of  # noqa: E402
from tasks.interruption import interruption_in  # noqa: E402
from tasks.listing_cache import forget_listing  # noqa: E402
from tasks.prefect_tasks import stage_task  # noqa: E402
from tasks.report.build import build_report  # noqa: E402
from tasks.run import Observer, Run  # noqa: E402
from tasks.run_log import LogObserver  # noqa: E402
from tasks.stage import workspace_lock  # noqa: E402
from tasks.stages import FLOWS  # noqa: E402

OBSERVER: ContextVar[Observer | None] = ContextVar("OBSERVER", default=None)

Outcome = dict[str, Any]


@dataclass(frozen=True)
class Described:
    """Description of a parameter for Prefect's form, which does not show that of a `Field`."""

    text: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(core), "description": self.text}


SettingsFile = Annotated[str, Described("YAML file of settings; `augment-dataset init` writes one")]
Dataset = Annotated[
    str | None, Field(pattern=r"^[a-z][a-z0-9_]*$"), Described("name of the data set, instead of the file's")
]
Seed = Annotated[int | None, Field(ge=0, lt=2**31), Described("seed of every random choice, instead of the file's")]
Workers = Annotated[int | None, Field(ge=0, le=1024), Described("Dask workers; 0 = one per core, if memory allows")]
DaskAddress = Annotated[str | None, Described("scheduler of an existing Dask cluster, tcp://host:8786")]
TrainImages = Annotated[int | None, Field(ge=1), Described("training budget in images, instead of the file's")]
Rehash = Annotated[bool, Described("read and hash every source file again, whatever its size and time say")]


@flow(name="augment-dataset", description="Prepare and publish real images, then learn and publish synthetic ones.")
def augment_dataset(
    settings_file: SettingsFile,
    dataset: Dataset = None,
    seed: Seed = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
    train_images: TrainImages = None,
    rehash: Rehash = False,
) -> Outcome:
    """Everything."""
    options = {"dataset": dataset, "seed": seed, "workers": workers, "dask_address": dask_address}
    return run_flow("augment-dataset", settings_file, {**options, "train_images": train_images}, rehash)


@flow(name="prepare-dataset", description="Turn raw images into a verified, split, sharded and published data set.")
def prepare_dataset(
    settings_file: SettingsFile,
    dataset: Dataset = None,
    seed: Seed = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
    rehash: Rehash = False,
) -> Outcome:
    """The real half."""
    options = {"dataset": dataset, "seed": seed, "workers": workers, "dask_address": dask_address}
    return run_flow("prepare-dataset", settings_file, options, rehash)


@flow(name="synthesize-dataset", description="Learn the latest published real version, and publish synthetic images.")
def synthesize_dataset(
    settings_file: SettingsFile, dataset: Dataset = None, seed: Seed = None, train_images: TrainImages = None
) -> Outcome:
    """The synthetic half."""
    options = {"dataset": dataset, "seed": seed, "train_images": train_images}
    return run_flow("synthesize-dataset", settings_file, options)


@flow(name="train-gan", description="Train a generator of the latest published real version.")
def train_gan(
    settings_file: SettingsFile, dataset: Dataset = None, seed: Seed = None, train_images: TrainImages = None
) -> Outcome:
    """Training alone."""
    options = {"dataset": dataset, "seed": seed, "train_images": train_images}
    return run_flow("train-gan", settings_file, options)


@contextmanager
def connected(server: LocalServer) -> Iterator[None]:
    """Flows inside report to the server that the user configured, else to the local one."""
    if PREFECT_API_URL.value():
        server.stop()
        yield
    else:
        with temporary_settings({PREFECT_API_URL: server.api_url()}):
            yield


def run_flow(name: str, settings_file: str, options: dict[str, Any], rehash: bool = False) -> Outcome:
    """Run the stages of a flow in order, with a lock, a record and a report, however it ends."""
    settings = load_settings(Path(settings_file), overrides_of(options))
    refresh_published(settings, FLOWS[name])
    if OBSERVER.get() is None:  # a command that watches has checked already
        preflight(settings, FLOWS[name])
    with workspace_lock(settings.place):
        if rehash:
            forget_listing(settings.place.shared)
        run = Run(
            flow=name,
            settings=settings,
            place=settings.place,
            observer=OBSERVER.get() or LogObserver(get_run_logger()),
            force=frozenset({"ingest"}) if rehash else frozenset(),
            runner=stage_task,
        )
        try:
            run.run_stages(FLOWS[name])
        except BaseException as error:
            interrupted = interruption_in(error)
            _close(run, interrupted or error)
            if interrupted:
                raise interrupted from None
            raise
        _close(run, None)
    return outcome(run)


def _close(run: Run, error: BaseException | None) -> None:
    record = run.finish(error)
    build_report(record, run.report_path)
    run.observer.run_ended(record, run.report_path)
    announce_versions(run.results.values())


def outcome(run: Run) -> Outcome:
    """What a caller of the flow gets: where things are."""
    versions = {
        result.summary["name"]: result.summary["version"]
        for result in run.results.values()
        if "version" in result.summary
    }
    return {"run": run.name, "published": versions, "report": str(run.report_path)}
