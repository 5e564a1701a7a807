"""One run per GPU: a slot of a global concurrency limit of Prefect's, and a lock on a GPU of this machine.

Prefect lets everything through where a limit is absent or switched off; here both are refused.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger

from datasets.errors import BadInput, PlaceFailed
from tasks.gpus import one_gpu
from tasks.prefect_tasks import GPU_STAGES
from tasks.run import StageRunner
from tasks.stage import Stage, StageResult, decide, skipped

# A holder that was killed gives its slot back after so long. It is renewed after three quarters of it.
LEASE_S = 120.0


def check_limit(name: str) -> None:
    """Raises BadInput where the limit cannot hold anything back, or lets nothing through."""
    leave_out = "or leave gpu_limit out"
    with get_client(sync_client=True) as client:
        try:
            limit = client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            raise BadInput(
                f"global concurrency limit {name} is not there; create it with `prefect gcl create {name} --limit 1`, "
                f"one slot per GPU, {leave_out}"
            ) from None
    if not limit.active:
        raise BadInput(
            f"global concurrency limit {name} is switched off, so it holds nothing back; switch it on with "
            f"`prefect gcl enable {name}`, {leave_out}"
        )
    if limit.limit < 1:
        raise BadInput(
            f"global concurrency limit {name} has no slots; give it one per GPU with "
            f"`prefect gcl update {name} --limit 1`, {leave_out}"
        )


def with_slots(name: str, runner: Callable[[Stage], StageRunner]) -> Callable[[Stage], StageRunner]:
    """The same runner, but for stages that run models: they hold a slot of the limit, and a GPU, while they run."""
    return lambda stage: _holding(name, stage, runner(stage)) if stage.name in GPU_STAGES else runner(stage)


@contextmanager
def held_slot(name: str) -> Iterator[None]:
    """Hold a slot of the limit; wait for one.

    Raises what `check_limit` raises, and PlaceFailed when the server does not prolong the lease: it may then give the
    slot to another, so what runs inside is stopped.
    """
    check_limit(name)
    lost = False
    try:
        with concurrency(name, occupy=1, strict=True, lease_duration=LEASE_S):
            try:
                yield
            except asyncio.CancelledError:
                lost = True
                raise
    except BaseException:
        if not lost:
            raise
        raise PlaceFailed(
            f"the Prefect server did not prolong the slot of the limit {name}; the stage was stopped, so that no other "
            "one shares its GPU; run again to go on where it was"
        ) from None


def _holding(name: str, stage: Stage, run: StageRunner) -> StageRunner:
    def run_holding(of: Stage, *arguments: Any, progress: Any, force: bool = False) -> StageResult:
        def waiting(what: str) -> None:
            get_run_logger().info("%s: waits for %s", stage.name, what)
            progress(0, 0, waiting=f"for {what}")

        decision = decide(of, *arguments)
        if decision.done and not force:
            return skipped(of, decision)  # needs no GPU
        waiting(f"a slot of the limit {name}")
        with held_slot(name), one_gpu(lambda: waiting("a free GPU of this machine")) as gpu:
            get_run_logger().info("%s: holds a slot of the limit %s%s", stage.name, name, f" and {gpu}" if gpu else "")
            return run(of, *arguments, progress=progress, force=force)

    return run_holding
