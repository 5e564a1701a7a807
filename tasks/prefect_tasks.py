"""Stages as Prefect tasks: the one place that knows both.

A task is a whole stage. It takes and gives paths and digests, and its cache is ours (see tasks/stage.py), because
Prefect's own was seen to give stale hits.
"""

from collections.abc import Callable
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from tasks.stage import Stage, StageResult, run_stage

GPU_TAG = "gpu"
GPU_STAGES = ("train", "generate", "gate_synthetic")  # those that run models
RETRIES = 2
RETRY_DELAYS_S = [5.0, 30.0]


def stage_task(stage: Stage, work: Callable[..., StageResult] = run_stage) -> Task[..., StageResult]:
    """The Prefect task that runs a stage. Called like `run_stage`, which is what `work` is in most flows."""
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
    )(work)


def can_pass(of_task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again can help: a process ended from outside, a network or cluster away; never for bad data."""
    error = state.result(raise_on_failure=False)
    return getattr(error, "may_pass", False) is True
