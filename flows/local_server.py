"""A Prefect server for one command, where none is configured. It ends with the command, whatever ends that.

Prefect would start one by itself. But that one dies first at Ctrl-C, as a terminal sends it to both, so that the
command then waits for a server that is gone; and it stays behind when the command is killed.
"""

import atexit
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from tasks.digests import ROOT

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
LIKE_PREFECTS_OWN = {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1", "PREFECT_UI_ENABLED": "0"}


class LocalServer:
    """Starts at once, in the background. Ends with `stop`, or with this process."""

    def __init__(self) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115, the server writes as long as it lives
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._host, self._port = listener.getsockname()
            # A session of its own keeps Ctrl-C from it; the end of its standard input tells it that we are gone.
            self._child = subprocess.Popen(
                [sys.executable, "-m", "flows.local_server", str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._output,
                pass_fds=(listener.fileno(),),
                cwd=ROOT,
                start_new_session=True,
            )
        atexit.register(self.stop)  # runs after what Prefect registers later, which still needs the server

    def api_url(self) -> str:
        """Wait until it answers; the address of its API. Raises RuntimeError with what it printed instead."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=START_TIMEOUT_S)
        try:
            connection.request("GET", "/api/health")
            connection.getresponse().read()
        except OSError as error:
            self._output.seek(0)
            printed = self._output.read().decode(errors="replace")
            raise RuntimeError(f"the local Prefect server did not start ({error}); it printed:\n{printed}") from None
        finally:
            connection.close()
        return f"http://{self._host}:{self._port}/api"

    def stop(self) -> None:
        """End it, in good order where it still can."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(2 * STOP_TIMEOUT_S)


def main() -> None:
    """The child: serve on the socket that was handed down, until standard input ends."""
    os.environ.update(LIKE_PREFECTS_OWN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import uvicorn

    config = uvicorn.Config("prefect.server.api.server:create_app", factory=True, lifespan="on", log_level="error")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_TIMEOUT_S)
    os._exit(1)


if __name__ == "__main__":
    main()
