"""`augment-dataset serve`: a Prefect server with the deployments of this project, and a worker, until Ctrl-C."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from datasets.errors import BadInput
from datasets.masking import masked
from datasets.sources.settings import absolute_path
from flows.output import console
from flows.prefect_environment import set_environment
from flows.processes import ending_at_signals, running
from tasks.digests import ROOT
from tasks.gpus import visible_gpus

LOOPBACK = "127.0.0.1"
LOCAL_HOSTS = (LOOPBACK, "localhost")
DEFAULT_PORT = 4200
DEFAULT_FOLDER = ROOT / ".prefect"
START_TIMEOUT_S = 240.0
PAUSE_S = 0.5
LOG_TAIL_LINES = 20
OF_SERVER = {
    # Leases that only the server's memory holds are lost with it, and their slots stay taken for ever.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}


def serve(port: int | None, folder: Path | None, limit: int | None) -> None:
    """Bring up what is not there yet, print the addresses, and work until Ctrl-C, SIGTERM or SIGHUP.

    Raises BadInput for a port that something else uses, RuntimeError where a server or worker does not start or ends.
    """
    set_environment()
    with suppress(KeyboardInterrupt), ending_at_signals():
        home = _prefect_home(folder)
        with _server(_api_url(port), home) as (api_url, server):
            from flows.server_setup import set_up

            set_up(api_url, max(1, len(visible_gpus())), _say)
            with _worker(api_url, limit) as worker:
                _tell(api_url)
                _wait(worker, server, home)


def deploy(gpus: int | None) -> None:
    """Create what a worker and those who order runs need at the configured server.

    Raises BadInput where no server is configured, or none answers.
    """
    set_environment()
    from flows.server_setup import check_answer, configured_url, set_up

    url = configured_url()
    if url is None:
        raise BadInput("no Prefect server is configured; set PREFECT_API_URL, or use `augment-dataset serve`")
    check_answer(url)
    set_up(url, gpus or max(1, len(visible_gpus())), _say)


def _prefect_home(folder: Path | None) -> Path:
    """The folder of database and logs, also for the processes to come; what the user told Prefect wins.

    Raises BadInput for a file.
    """
    home = absolute_path(Path.cwd(), folder or Path(os.environ.get("PREFECT_HOME") or DEFAULT_FOLDER))
    if home.exists() and not home.is_dir():
        raise BadInput(f"{home} is a file; give a folder for the server's database and log with --folder")
    return home


def _api_url(port: int | None) -> str:
    """The address to find a server at, or to start one at."""
    if port is None:
        from flows.server_setup import configured_url

        if url := configured_url():
            return url.rstrip("/")
    return f"http://{LOOPBACK}:{port or DEFAULT_PORT}/api"


@contextmanager
def _server(api_url: str, home: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes] | None"]]:
    """The address of a healthy server, and its process where it is ours: then it ends with the block."""
    from flows.server_setup import is_healthy

    if is_healthy(api_url):
        _say(f"using the Prefect server at {api_url}")
        yield api_url, None
        return
    port = _free_port(api_url)
    home.mkdir(parents=True, exist_ok=True)
    os.environ["PREFECT_HOME"] = str(home)
    _say(f"starting a Prefect server; its database and log are in {home}")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", LOOPBACK, "--port", str(port)]
    with _log(home).open("wb") as log, running(command, OF_SERVER | os.environ, home, log) as child:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not is_healthy(api_url):
            if child.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"the Prefect server did not start; {_end_of(_log(home))}")
            time.sleep(PAUSE_S)
        yield api_url, child


def _free_port(api_url: str) -> int:
    """The port to start a server at. Raises BadInput where that cannot be done here, or where it is taken."""
    url = urlsplit(api_url)
    if url.hostname not in LOCAL_HOSTS:
        raise BadInput(
            f"no Prefect server answers at {masked(api_url)}, which PREFECT_API_URL names; start it, or unset the "
            "variable to have one started on this machine"
        )
    port = url.port or DEFAULT_PORT
    try:
        with socket.create_server((LOOPBACK, port)):
            return port
    except OSError:
        raise BadInput(
            f"port {port} is in use, and not by a Prefect server that answers; end what uses it, or choose another "
            "port with --port"
        ) from None


@contextmanager
def _worker(api_url: str, limit: int | None) -> Iterator["subprocess.Popen[bytes]"]:
    from flows.server_setup import POOL

    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL]
    if limit is not None:
        command += ["--limit", str(limit)]
    environment: Mapping[str, str] = os.environ | {"PREFECT_API_URL": api_url}
    with running(command, environment, ROOT) as child:
        try:
            yield child
        finally:
            _say("ending")


def _wait(worker: "subprocess.Popen[bytes]", server: "subprocess.Popen[bytes] | None", home: Path) -> None:
    while worker.poll() is None:
        if server is not None and server.poll() is not None:
            raise RuntimeError(f"the Prefect server has ended; {_end_of(_log(home))}")
        time.sleep(PAUSE_S)
    raise RuntimeError(f"the worker has ended, with exit code {worker.returncode}; what it printed is above")


def _tell(api_url: str) -> None:
    _say(f"pages:  {api_url.removesuffix('/api')}")
    _say(f"API:    {api_url}")
    _say(f"order a run, in another terminal; paths are relative to {ROOT}:")
    _say(f"  export PREFECT_API_URL={api_url}")
    _say("  prefect deployment run prepare-dataset/default --param settings_file=photos.yaml --watch")
    _say("Ctrl-C ends what was started here")


def _log(home: Path) -> Path:
    return home / "server.log"


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return masked(f"the end of {log}:\n" + "\n".join(lines))


def _say(sentence: str) -> None:
    """Without credentials: an address of a server may hold a password."""
    console().print(masked(sentence), soft_wrap=True)
    sys.stdout.flush()
