"""Stands between a client and the S3 server of the tests: counts what is written, and can fail or stop a writer."""

import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
BROKEN = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"


class S3Proxy:
    """`puts` are the keys that were written. `before` and `after` see each key, and `before` may answer an error."""

    def __init__(self, endpoint: str) -> None:
        self.host = urlsplit(endpoint).netloc
        self.puts: list[str] = []
        self.before: Callable[[str], tuple[int, bytes] | None] = lambda key: None
        self.after: Callable[[str], None] = lambda key: None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _forward(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                key = urlsplit(self.path).path.split("/", 2)[-1]
                error = proxy.before(key) if self.command == "PUT" else None
                status, headers, content = (error[0], [], error[1]) if error else proxy.ask(self, body)
                if self.command == "PUT" and not error:
                    proxy.puts.append(key)
                    proxy.after(key)
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                        self.send_header(name, value)
                if self.command == "HEAD":
                    self.send_header("Content-Length", dict(headers).get("Content-Length", "0"))
                    content = b""
                else:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _forward

            def log_message(self, *_: object) -> None:
                return

        return Handler

    def ask(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.request(request.command, request.path, body=body, headers=dict(request.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content


@pytest.fixture
def s3_proxy(s3_environment: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Proxy]:
    """The environment then names the proxy instead of the server."""
    proxy = S3Proxy(s3_environment)
    thread = threading.Thread(target=proxy.server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    yield proxy
    proxy.server.shutdown()
    proxy.server.server_close()
