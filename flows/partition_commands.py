"""The command for all partitions at a source: backfill."""

from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.errors import BadInput
from flows.command_app import DatasetName, SettingsFile, app, say

if TYPE_CHECKING:
    from flows.backfill import Asked, Line, RunOne

DEFAULT_FLOW = "prepare-dataset"


@app.command(epilog="Example: augment-dataset backfill photos.yaml --from 2026-11-01 --dry-run")
def backfill(
    settings: SettingsFile,
    flow: Annotated[
        str | None, typer.Option(help=f"Flow to run; default: {DEFAULT_FLOW}, or that of the deployment.")
    ] = None,
    partition: Annotated[
        list[str] | None, typer.Option(help="Run this one, whatever came of it before; may be repeated.")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="Only partitions from this name on.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Only partitions up to this name.")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Also those again whose last run failed or was refused.")
    ] = False,
    stop_on_failure: Annotated[
        bool, typer.Option("--stop-on-failure", help="End with the first partition that fails or is refused.")
    ] = False,
    deployment: Annotated[
        str | None,
        typer.Option(help="Order runs of this deployment from the configured server, instead of running here."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which partitions would run.")] = False,
    dataset: DatasetName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines and a table.")] = False,
) -> None:
    """Run a flow for every partition at the source that has no version yet, the first name first.

    A partition that fails stops no other.

    Exit code: the worst of those that ran here: 1 failed, else 2 bad input, else 3 refused, else 0.
    """
    from flows.backfill import Asked, carried_out, exit_code, planned, show

    asked = Asked(
        settings_file=settings,
        flow=flow_of(flow, deployment),
        named=tuple(partition or ()),
        first=first,
        last=last,
        failed=failed,
        dataset=dataset,
    )
    with ExitStack() as stack:
        orders = None
        if deployment:
            from flows.partition_orders import orders_of

            orders = stack.enter_context(orders_of(asked, deployment))
        lines, found = planned(asked, orders.known if orders else lambda state: state)
        if orders and not dry_run:
            orders.check_room(sum(line.chosen for line in lines))
        done: list[Line] = []
        try:
            if not dry_run and any(line.chosen for line in lines):
                run_one = orders.order if orders else stack.enter_context(_runs_here(asked, as_json))
                done.extend(carried_out(lines, run_one, stop_on_failure))  # as they come: Ctrl-C keeps those before it
        finally:
            show([*done, *lines[len(done) :]], found, asked.flow, as_json)
    raise typer.Exit(exit_code(done))


def flow_of(flow: str | None, deployment: str | None) -> str:
    """The flow that is meant. Raises BadInput where the deployment is of another one."""
    if deployment is None:
        return flow or DEFAULT_FLOW
    of_deployment, slash, _ = deployment.partition("/")
    if not slash:
        raise BadInput(f"--deployment {deployment} has no flow in front; write, for example, {DEFAULT_FLOW}/default")
    if flow not in (None, of_deployment):
        raise BadInput(f"--flow {flow} is not that of --deployment {deployment}; leave --flow out")
    return of_deployment


def _runs_here(asked: "Asked", as_json: bool) -> "AbstractContextManager[RunOne]":
    if not as_json:
        say("starting Prefect")
    from flows.partition_runs import runs_here
    from tasks.without_pandas import keep_pandas_out

    keep_pandas_out()
    return runs_here(asked, None if as_json else say)
