"""Stages as Prefect tasks: the one place that knows both.

A task is a whole stage. It takes and gives paths and digests, and its cache is ours (see tasks/stage.py), because
Prefect's own was seen to give stale hits.
"""

from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from tasks.stage import Stage, StageResult, run_stage
from tasks.stage_process import StageFailed

GPU_TAG = "gpu"
GPU_STAGES = ("train",)
RETRIES = 2
RETRY_DELAYS_S = [5.0, 30.0]


def stage_task(stage: Stage) -> Task[..., StageResult]:
    """The Prefect task that runs a stage. Called like `run_stage`."""
    return task(
        name=stage.name,
        description=stage.title,
        tags=[GPU_TAG] if stage.name in GPU_STAGES else [],
        retries=RETRIES,
        retry_delay_seconds=RETRY_DELAYS_S,
        retry_condition_fn=can_pass,
        cache_policy=NO_CACHE,
        persist_result=False,
        task_run_name=stage.name,
    )(run_stage)


def can_pass(of_task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again can help: only where the stage's process was ended from outside, never for bad data."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, StageFailed) and error.may_pass
