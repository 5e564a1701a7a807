"""The commands that deploy: serve and deploy."""

from pathlib import Path
from typing import Annotated

import typer

from flows.command_app import app


@app.command(epilog="Example: augment-dataset serve --port 4300")
def serve(
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the server; default: that of PREFECT_API_URL, else 4200."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the server's database and log; default: PREFECT_HOME, else .prefect of the checkout."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many runs at once; default: no limit.")] = None,
) -> None:
    """Start a Prefect server, deploy the flows to it, and work on the runs that are ordered, until Ctrl-C.

    What is there already is used: a server that answers, its work pool, limits and deployments.
    """
    from flows.serve import serve as serve_until_told

    serve_until_told(port, folder, limit)


@app.command(epilog="Example: augment-dataset deploy --gpus 2")
def deploy(
    gpus: Annotated[
        int | None, typer.Option(min=1, help="Runs of models at once, if the limit is new; default: GPUs here, or 1.")
    ] = None,
) -> None:
    """Create work pool, limit, automations and deployments at the Prefect server that PREFECT_API_URL names.

    A pool and a limit that are there stay as they are; deployments are brought up to date. Starts nothing.
    """
    from flows.serve import deploy as deploy_now

    deploy_now(gpus)
