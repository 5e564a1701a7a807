"""Orders runs of a deployment for partitions, on the server that is configured, each no more than once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId, FlowRunFilterTags
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from datasets.errors import BadInput
from datasets.masking import masked
from flows.backfill import ORDERED, Asked, Line
from flows.partition_states import PartitionState, State
from flows.server_setup import check_answer

STATES: dict[StateType, tuple[State, str]] = {  # of the newest run -> ours, and its verdict
    StateType.COMPLETED: ("done", "done"),
    StateType.FAILED: ("failed", "failed"),
    StateType.CRASHED: ("missing", "crashed"),
    StateType.CANCELLED: ("missing", "cancelled"),
}
MOST_RUNS = 200  # the server gives no more at once


class Orders:
    """Runs of one deployment on a server: those of partitions are known by their tag."""

    def __init__(self, client: SyncPrefectClient, deployment: DeploymentResponse, asked: Asked) -> None:
        self._client = client
        self._deployment = deployment
        self._asked = asked

    def known(self, state: PartitionState) -> PartitionState:
        """What the server knows of a partition, before what the workspace here says: it may not be the worker's."""
        runs = self._runs(state)
        if not runs or runs[0].state_type is None or state.state == "done":
            return state
        found, verdict = STATES.get(runs[0].state_type, ("running", "ordered"))
        message = (runs[0].state.message if runs[0].state else None) or ""
        return replace(state, state=found, verdict=verdict, message=message)

    def check_room(self, count: int) -> None:
        """Raises BadInput where the deployment would cancel some of so many runs instead of letting them wait."""
        limit, options = self._deployment.global_concurrency_limit, self._deployment.concurrency_options
        cancels = options is not None and options.collision_strategy == ConcurrencyLimitStrategy.CANCEL_NEW
        if limit and cancels and count > limit.limit:
            raise BadInput(
                f"--deployment is one that cancels what is ordered while {limit.limit} of its runs goes, and {count} "
                "partitions are to run; take one whose runs wait (collision_strategy ENQUEUE), or name one --partition"
            )

    def order(self, line: Line) -> Line:
        """Order a run. Whoever orders the same at the same time gets the same run: its key is the run before it."""
        before = line.before
        runs = self._runs(before)
        latest = max(runs, key=lambda run: str(run.created)).id if runs else "first"  # not [0]: old ones can be retried
        run = self._client.create_flow_run_from_deployment(
            self._deployment.id,
            parameters=self._parameters(before.partition),
            name=f"{before.dataset}-{len(runs) + 1}",
            tags=[_tag(before)],
            idempotency_key=f"{self._deployment.id}/{before.dataset}/{latest}",
        )
        return line.after(ORDERED, f"run {run.name}", before.version)

    def _parameters(self, partition: str) -> dict[str, str]:
        given = {"settings_file": str(self._asked.settings_file.resolve()), "partition": partition}
        return given if self._asked.dataset is None else {**given, "dataset": self._asked.dataset}

    def _runs(self, state: PartitionState) -> Sequence[FlowRun]:
        """Newest first."""
        wanted = FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[self._deployment.id]),
            tags=FlowRunFilterTags(all_=[_tag(state)]),
        )
        newest = FlowRunSort.EXPECTED_START_TIME_DESC
        return self._client.read_flow_runs(flow_run_filter=wanted, sort=newest, limit=MOST_RUNS)


@contextmanager
def orders_of(asked: Asked, name: str) -> Iterator[Orders]:
    """The orders of a deployment, `<flow>/<name>`. Raises BadInput where no server answers, or has it not."""
    if not PREFECT_API_URL.value():
        raise BadInput("--deployment needs a Prefect server; set PREFECT_API_URL to its address, http://host:4200/api")
    check_answer(PREFECT_API_URL.value())
    with get_client(sync_client=True) as client:
        try:
            deployment = client.read_deployment_by_name(name)
        except (ObjectNotFound, ValueError):
            raise BadInput(
                f"--deployment {name} is not on the server at {masked(PREFECT_API_URL.value())}; `prefect deployment "
                "ls` lists those that are"
            ) from None
        yield Orders(client, deployment, asked)


def _tag(state: PartitionState) -> str:
    return f"partition:{state.dataset}"
