"""One attempt at one URL: the rules for what a server may answer."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from ssl import SSLCertVerificationError, SSLContext, SSLError

import httpcore

from datasets.sources.downloads.blobs import Blobs
from datasets.sources.downloads.network import AddressRefused, CheckedNetwork, Resolver, UnknownHost, system_resolver
from datasets.sources.downloads.outcomes import Failed
from datasets.sources.downloads.robots_tag import refusing_directive
from datasets.sources.downloads.settings import DownloadSettings
from datasets.sources.downloads.urls import UnsafeUrl, WebUrl

KEEP_ALIVE_S = 15
MAX_SPARED_BYTES = 16 << 10
_REDIRECTS = {301, 302, 303, 307, 308}
_TRIED_AGAIN = {408, 425, 429}
_POLITELY = {429, 503}
_NAME = re.compile(r"[a-z0-9][a-z0-9.+/, -]{0,59}")
_OTHER_TYPES = ("application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True, slots=True)
class Saved:
    """A body, complete and among the blobs."""

    sha256: str
    size_bytes: int
    robots: str | None


@dataclass(frozen=True, slots=True)
class Redirected:
    """Where to ask next."""

    url: WebUrl


class Downloader:
    """Asks servers; used by many threads. Proxies from the environment are not used: they would resolve names."""

    def __init__(self, settings: DownloadSettings, blobs: Blobs, resolver: Resolver = system_resolver) -> None:
        self._settings = settings
        self._blobs = blobs
        self._network = CheckedNetwork(settings.allowed_private_networks, resolver)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
            max_connections=settings.max_connections,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=self._network,
        )

    def attempt(self, url: WebUrl, seconds: float) -> Saved | Redirected:
        """Ask once, for so long at most. Raises Failed; OSError when the bytes cannot be written."""
        with self._network.within(seconds), self._answer(url) as response:
            headers = _Headers(response)
            robots = refusing_directive(headers.all("x-robots-tag"), self._settings.resolved_user_agent)
            self._check_status(response.status, headers)
            if robots and self._settings.respect_robots_tag:
                raise Failed("not_allowed", f"the server's X-Robots-Tag says {robots}", status=response.status)
            if response.status in _REDIRECTS:
                return _redirected(url, response, headers)
            self._check_headers(headers)
            return self._saved(response, robots)

    def close(self) -> None:
        """End all connections at once, also those in use."""
        self._network.abort()
        self._pool.close()

    @contextmanager
    def _answer(self, url: WebUrl) -> "Iterator[httpcore.Response]":
        request = httpcore.Request(
            "GET",
            httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
            headers={
                "Host": url.authority,
                "User-Agent": self._settings.resolved_user_agent,
                "Accept": "image/*,*/*;q=0.5",
                "Accept-Encoding": "identity",
            },
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._settings.timeout_s)},
        )
        response = _asked(self._pool, request)
        try:
            yield response
        finally:
            response.close()

    def _check_status(self, status: int, headers: "_Headers") -> None:
        if status == HTTPStatus.OK or status in _REDIRECTS:
            return
        passing = status in _TRIED_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        raise Failed(
            "server_busy" if passing else "http_error",
            f"the server answered {_status_text(status)}",
            status=status,
            wait_s=_retry_after_s(headers.one("retry-after"), time.time) if status in _POLITELY else None,
        )

    def _check_headers(self, headers: "_Headers") -> None:
        """Raises Failed for what is not worth its body."""
        encoding = ", ".join(headers.all("content-encoding")).strip().lower()
        if encoding not in ("", "identity"):
            raise _refused("encoded_body", f"the body is encoded ({_shown(encoding)}), which was not asked for")
        kind = (headers.one("content-type") or "").partition(";")[0].strip().lower()
        if kind and not kind.startswith("image/") and kind not in _OTHER_TYPES:
            raise _refused("wrong_type", f"the server calls it {_shown(kind)}, which is no image")
        length = headers.one("content-length") or ""
        if length.isdecimal() and int(length) > self._settings.max_bytes:
            raise self._too_many_bytes()

    def _saved(self, response: httpcore.Response, robots: str | None) -> Saved:
        with self._blobs.new() as blob:
            for chunk in _body(response):
                if blob.size_bytes + len(chunk) > self._settings.max_bytes:
                    raise self._too_many_bytes()
                blob.append(chunk)
            if not blob.size_bytes:
                raise _refused("empty_body", "the server answered with nothing")
            return Saved(blob.keep(), blob.size_bytes, robots)

    def _too_many_bytes(self) -> Failed:
        return _refused("too_many_bytes", f"more than {self._settings.max_bytes} bytes (max_bytes)")


@cache
def _tls(file: str | None, folder: str | None) -> SSLContext:
    """Trusts the usual certificates, and those that the two variables of the environment name. Slow to make."""
    return httpcore.default_ssl_context()


class _Headers:
    """Those of a response as text, without regard to case."""

    def __init__(self, response: httpcore.Response) -> None:
        self._pairs = [(name.lower(), value) for name, value in response.headers]

    def all(self, name: str) -> list[str]:
        wanted = name.encode("ascii")
        return [_decoded(value) for key, value in self._pairs if key == wanted]

    def one(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


def _asked(pool: httpcore.ConnectionPool, request: httpcore.Request) -> httpcore.Response:
    """The answer's status and headers. Raises Failed."""
    try:
        return pool.handle_request(request)
    except AddressRefused as error:
        raise Failed("unsafe_url", str(error)) from error
    except UnknownHost as error:
        raise Failed("no_answer", str(error)) from error
    except httpcore.TimeoutException as error:
        raise Failed("no_answer", "no answer in time") from error
    except httpcore.ConnectError as error:
        raise _connect_failure(error) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Failed("no_answer", "the connection ended without an HTTP answer") from error


def _connect_failure(error: httpcore.ConnectError) -> Failed:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, SSLCertVerificationError):
        return Failed("not_trusted", f"the server's certificate is not trusted ({cause.verify_message})")
    if isinstance(cause, SSLError):
        return Failed("no_answer", f"no secure connection ({cause.reason})")
    reason = getattr(cause, "strerror", None) or "refused"
    return Failed("no_answer", f"no connection ({reason})")


def _body(response: httpcore.Response) -> "Iterator[bytes]":
    """Its chunks. Raises Failed when it does not end well."""
    try:
        yield from response.iter_stream()
    except httpcore.TimeoutException as error:
        raise Failed("too_slow", "the body did not come in time", status=response.status) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Failed("truncated_body", "the connection ended within the body", status=response.status) from error


def _redirected(url: WebUrl, response: httpcore.Response, headers: _Headers) -> Redirected:
    location = headers.one("location")
    if not location:
        raise Failed("bad_redirect", "a redirect without a location", status=response.status)
    _spare_the_connection(response, headers)
    try:
        return Redirected(url.redirected(location.strip()))
    except UnsafeUrl as error:
        raise Failed("unsafe_url", f"a redirect leads to a URL that is not asked for: {error}") from error


def _spare_the_connection(response: httpcore.Response, headers: _Headers) -> None:
    """Read a small body to its end, so that the connection can be used again."""
    length = headers.one("content-length") or ""
    if length.isdecimal() and int(length) <= MAX_SPARED_BYTES:
        for _ in _body(response):
            pass


def _retry_after_s(value: str | None, clock: Callable[[], float]) -> float | None:
    """Seconds from now, for a header that is a number of seconds or a date."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value[:12])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - clock())
    except (ValueError, OverflowError):
        return None


def _refused(code: str, detail: str) -> Failed:
    return Failed(code, detail, status=HTTPStatus.OK)


def _status_text(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _shown(name: str) -> str:
    """What a server calls a type or an encoding, as far as it can be one: a server may repeat what it was asked."""
    found = _NAME.match(name)
    return found[0] if found else "something without a name"
