"""The Prefect flows. Each is a list of stages; the stages themselves are in tasks/."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from flows.prefect_environment import set_environment

set_environment()

from prefect import flow  # noqa: E402
from prefect.logging import get_run_logger  # noqa: E402
from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: E402

from flows.artifacts import ArtifactObserver  # noqa: E402
from flows.check import check_location, check_names, line_of, refuse, run_afresh, settings_for  # noqa: E402
from flows.events import announce  # noqa: E402
from flows.gpu_slots import check_limit, with_slots  # noqa: E402
from flows.local_server import LocalServer  # noqa: E402
from flows.parameters import (  # noqa: E402
    DaskAddress,
    Dataset,
    FailOn,
    GpuLimit,
    Kind,
    Location,
    Out,
    Partition,
    Rehash,
    Seed,
    SettingsFile,
    TrainImages,
    Workers,
)
from flows.partitions import take_ownership  # noqa: E402
from flows.preflight import preflight  # noqa: E402
from flows.remote_published import refresh_published  # noqa: E402
from flows.settings import load_settings, overrides_of  # noqa: E402
from tasks.check_files import REPORT_FILE  # noqa: E402
from tasks.interruption import interruption_in  # noqa: E402
from tasks.listing_cache import forget_listing  # noqa: E402
from tasks.prefect_tasks import stage_task  # noqa: E402
from tasks.report.build import build_report  # noqa: E402
from tasks.run import Observer, Run, StageRunner  # noqa: E402
from tasks.stage import Stage, workspace_lock  # noqa: E402
from tasks.stages import FLOWS  # noqa: E402

OBSERVER: ContextVar[Observer | None] = ContextVar("OBSERVER", default=None)

Outcome = dict[str, Any]


@flow(name="augment-dataset", description="Prepare and publish real images, then learn and publish synthetic ones.")
def augment_dataset(
    settings_file: SettingsFile,
    dataset: Dataset = None,
    partition: Partition = None,
    seed: Seed = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
    train_images: TrainImages = None,
    rehash: Rehash = False,
    gpu_limit: GpuLimit = None,
) -> Outcome:
    """Everything."""
    return run_flow(
        "augment-dataset",
        settings_file,
        rehash,
        gpu_limit,
        dataset=dataset,
        partition=partition,
        seed=seed,
        workers=workers,
        dask_address=dask_address,
        train_images=train_images,
    )


@flow(name="prepare-dataset", description="Turn raw images into a verified, split, sharded and published data set.")
def prepare_dataset(
    settings_file: SettingsFile,
    dataset: Dataset = None,
    partition: Partition = None,
    seed: Seed = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
    rehash: Rehash = False,
) -> Outcome:
    """The real half."""
    return run_flow(
        "prepare-dataset",
        settings_file,
        rehash,
        dataset=dataset,
        partition=partition,
        seed=seed,
        workers=workers,
        dask_address=dask_address,
    )


@flow(name="synthesize-dataset", description="Learn the latest published real version, and publish synthetic images.")
def synthesize_dataset(
    settings_file: SettingsFile,
    dataset: Dataset = None,
    partition: Partition = None,
    seed: Seed = None,
    train_images: TrainImages = None,
    gpu_limit: GpuLimit = None,
) -> Outcome:
    """The synthetic half."""
    return run_flow(
        "synthesize-dataset",
        settings_file,
        gpu_limit=gpu_limit,
        dataset=dataset,
        partition=partition,
        seed=seed,
        train_images=train_images,
    )


@flow(name="train-gan", description="Train a generator of the latest published real version.")
def train_gan(
    settings_file: SettingsFile,
    dataset: Dataset = None,
    partition: Partition = None,
    seed: Seed = None,
    train_images: TrainImages = None,
    gpu_limit: GpuLimit = None,
) -> Outcome:
    """Training alone."""
    return run_flow(
        "train-gan",
        settings_file,
        gpu_limit=gpu_limit,
        dataset=dataset,
        partition=partition,
        seed=seed,
        train_images=train_images,
    )


@flow(name="check-dataset", description="Say what is wrong with images, without preparing or changing any.")
def check_dataset(
    location: Location,
    out: Out,
    kind: Kind = "auto",
    fail_on: FailOn = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
    partition: Partition = None,
) -> Outcome:
    """Manifest, findings and report of the images at a place."""
    check_names(fail_on or ())
    asked = settings_for(location, kind, workers, dask_address, partition)
    logger = get_run_logger()

    def task_of(stage: Stage) -> StageRunner:
        return stage_task(stage, run_afresh)

    observer = ArtifactObserver(logger, asked.dataset)
    checked = check_location(location, asked, Path(out), observer, logger.info, task_of)
    observer.run_ended(checked.record, Path(out) / REPORT_FILE)
    for finding in checked.by_severity:
        logger.info(line_of(*finding))
    logger.info(checked.counts)
    refuse(checked.found, fail_on or ())
    return {"out": out, **checked.statuses}


@contextmanager
def connected(server: LocalServer) -> Iterator[None]:
    """Flows inside report to the server that the user configured, else to the local one."""
    if PREFECT_API_URL.value():
        server.stop()
        yield
    else:
        with temporary_settings({PREFECT_API_URL: server.api_url()}):
            yield


def run_flow(
    name: str, settings_file: str, rehash: bool = False, gpu_limit: str | None = None, **options: Any
) -> Outcome:
    """Run the stages of a flow in order, with a lock, a record and a report, however it ends.

    `options` are flat ones, which override the settings file.
    """
    settings = load_settings(Path(settings_file), overrides_of(options))
    if gpu_limit:
        check_limit(gpu_limit)
    refresh_published(settings, FLOWS[name])
    if OBSERVER.get() is None:  # a command that watches has checked already
        preflight(settings, FLOWS[name], get_run_logger().info)
    with workspace_lock(settings.place):
        take_ownership(settings.place.shared, settings.partition)
        if rehash:
            forget_listing(settings.place.shared)
        run = Run(
            flow=name,
            settings=settings,
            place=settings.place,
            observer=OBSERVER.get() or ArtifactObserver(get_run_logger(), settings.dataset),
            force=frozenset({"ingest"}) if rehash else frozenset(),
            runner=with_slots(gpu_limit, stage_task) if gpu_limit else stage_task,
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
    with suppress(OSError) if error else nullcontext():  # a full disk has no room for it, and the error says so
        build_report(record, run.report_path)
    run.observer.run_ended(record, run.report)
    announce(run, record)


def outcome(run: Run) -> Outcome:
    """What a caller of the flow gets: where things are."""
    versions = {
        result.summary["name"]: result.summary["version"]
        for result in run.results.values()
        if "version" in result.summary
    }
    return {"run": run.name, "published": versions, "report": str(run.report) if run.report else None}
