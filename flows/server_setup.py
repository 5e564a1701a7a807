"""What a Prefect server needs before it can take orders for this project; all of it may be there already."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import DeploymentSort
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from datasets.errors import BadInput
from datasets.masking import masked
from flows.automations import ensure_automations
from tasks.digests import ROOT

POOL = "augment-dataset"
POOL_TYPE = "process"
GPU_LIMIT = "gpu"
OUR_FLOWS = "flows.pipelines."
HEALTH_TIMEOUT_S = 5.0
PAGE = 200  # the server gives no more deployments at once


def configured_url() -> str | None:
    """Address of the API that the user configured, in the environment or in a profile of Prefect's."""
    url: str | None = PREFECT_API_URL.value()
    return url


def is_healthy(api_url: str) -> bool:
    """Whether a Prefect server answers there."""
    once = {PREFECT_API_URL: api_url, PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(once), get_client(sync_client=True) as client:
        try:
            answer = client.request("GET", "/health", timeout=HEALTH_TIMEOUT_S)
            return bool(answer.json() is True)
        except Exception:  # whatever answers there, or does not: it is no healthy server
            return False


def check_answer(api_url: str) -> None:
    """Raises BadInput where no healthy server answers at the configured address."""
    if not is_healthy(api_url):
        shown = masked(api_url)
        raise BadInput(f"no Prefect server answers at {shown}, which PREFECT_API_URL names; start it first")


def set_up(api_url: str, gpus: int, say: Callable[[str], None]) -> None:
    """Create what is not there yet: pool, limit, automations; bring the deployments of prefect.yaml up to date.

    A pool and a limit that are there stay as they are. Raises RuntimeError with what `prefect deploy` printed.
    """
    with temporary_settings({PREFECT_API_URL: api_url}), get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            prefect(api_url, "work-pool", "create", POOL, "--type", POOL_TYPE)
            say(f"created work pool {POOL}")
        try:
            slots = client.read_global_concurrency_limit_by_name(GPU_LIMIT).limit
        except ObjectNotFound:
            slots = gpus
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=GPU_LIMIT, limit=slots))
            say(f"created concurrency limit {GPU_LIMIT}")
    prefect(api_url, "deploy", "--all")
    refuse_unknown_parameters(api_url)
    ensure_automations(api_url)
    say(f"deployed prefect.yaml; runs of models at once (limit {GPU_LIMIT}): {slots}")


def refuse_unknown_parameters(api_url: str) -> None:
    """Have the server refuse orders with parameters that our flows lack; by itself only the command line does."""
    with temporary_settings({PREFECT_API_URL: api_url}), get_client(sync_client=True) as client:
        for deployment in _deployments(client):
            if (deployment.entrypoint or "").startswith(OUR_FLOWS):
                schema = {**(deployment.parameter_openapi_schema or {}), "additionalProperties": False}
                changes = {"parameter_openapi_schema": schema}
                client.request("PATCH", "/deployments/{id}", path_params={"id": deployment.id}, json=changes)


def _deployments(client: SyncPrefectClient) -> Iterator[DeploymentResponse]:
    offset = 0
    while page := client.read_deployments(limit=PAGE, offset=offset, sort=DeploymentSort.NAME_ASC):
        yield from page
        offset += len(page)


def prefect(api_url: str, *arguments: str) -> None:
    """Run a command of Prefect's in the checkout. Raises RuntimeError with what it printed."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    environment = os.environ | {"PREFECT_API_URL": api_url}
    done: Any = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"`prefect {' '.join(arguments)}` failed; it printed:\n{masked(done.stdout + done.stderr)}")
