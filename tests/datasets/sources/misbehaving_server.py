"""A web server on this machine that does what servers on the internet do, and counts what it is asked."""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

JPEG = b"\xff\xd8\xff\xe0" + b"not decoded here" * 8


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def do_GET(self) -> None:
        with self.server.counted(self):
            path = urlsplit(self.path).path
            self.server.answers.get(path, self.server.answer_all)(self)

    def send(self, body: bytes = JPEG, status: int = 200, **headers: str) -> None:
        """A well-formed answer; `_` in the names of headers stands for `-`, None leaves one out."""
        sent = {"content_type": "image/jpeg", "content_length": str(len(body)), **headers}
        self.send_response(status)
        for name, value in sent.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def raw(self, *pieces: bytes, pause_s: float = 0) -> None:
        """Exactly these bytes, and the end of the connection."""
        self.close_connection = True
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            if pause_s and self.server.stopping.wait(pause_s):
                return

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """`answers` maps paths to what is done there; `asked` counts requests by path."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Callable[[Handler], None]] = {}
        self.answer_all: Callable[[Handler], None] = Handler.send
        self.asked: Counter[str] = Counter()
        self.headers: dict[str, dict[str, str]] = {}
        self.most_at_once = 0
        self.stopping = threading.Event()
        self.at_once = 0
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        return self.server_address[1]

    def url(self, path: str = "/1.jpg", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that goes away, or does not trust us
            super().handle_error(request, client_address)

    @contextmanager
    def counted(self, handler: Handler) -> Iterator[None]:
        with self._lock:
            self.asked[handler.path] += 1
            self.headers[handler.path] = {name.lower(): value for name, value in handler.headers.items()}
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        except ConnectionError:
            handler.close_connection = True  # the client gave up, as it should
        finally:
            with self._lock:
                self.at_once -= 1


@contextmanager
def running_server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
