"""Connections that only lead where they may, and that end in time.

A name is resolved once per connection, every address is checked, and the connection goes to one of those very
addresses. So a name server that answers differently the next time (DNS rebinding) changes nothing, and neither does a
redirect.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from typing import Any

import httpcore

from datasets.sources.downloads.addresses import why_refused

Resolver = Callable[[str, int], Sequence[str]]
MAX_ADDRESSES_TRIED = 4
_NO_TIME_LEFT_S = 0.001


class AddressRefused(Exception):
    """A server has an address that must not be connected to. The sentence says which."""


class UnknownHost(Exception):
    """A server's name has no address, or it could not be found out. The sentence says why."""


def system_resolver(host: str, port: int) -> Sequence[str]:
    """All IP addresses of a host. Raises UnknownHost."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHost(f"the name {host} could not be resolved") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedNetwork(httpcore.NetworkBackend):
    """Connects for httpcore. Used by many threads; each sets its own deadline by `within`."""

    def __init__(self, allowed_networks: Sequence[str] = (), resolver: Resolver = system_resolver) -> None:
        self._allowed = [ip_network(network) for network in allowed_networks]
        self._resolver = resolver
        self._plain = httpcore.SyncBackend()
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._open: set[_BoundedStream] = set()
        self._aborted = False

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What this thread reads, writes and connects meanwhile has to end in time."""
        self._of_thread.deadline = time.monotonic() + seconds
        yield

    def seconds_left(self, timeout: float | None) -> float:
        """The timeout, or what is left of this thread's time where that is less; 0 when it is over."""
        left = max(0.0, self._of_thread.deadline - time.monotonic())
        return left if timeout is None else min(left, timeout)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises AddressRefused when any address of the host is refused, UnknownHost, ConnectError, ConnectTimeout."""
        addresses = self._checked_addresses(host, port)
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connected(address, port, timeout)
        return self._connected(addresses[-1], port, timeout)

    def abort(self) -> None:
        """End all connections, so that threads that wait for bytes go on at once, and make no more."""
        self._aborted = True
        with self._lock:
            streams = list(self._open)
        for stream in streams:
            with suppress(OSError):
                # Not the method of SSLSocket, which other threads must not call.
                socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)

    def forget(self, stream: "_BoundedStream") -> None:
        """It is closed."""
        with self._lock:
            self._open.discard(stream)

    def remember(self, stream: "_BoundedStream") -> None:
        """It is open."""
        with self._lock:
            self._open.add(stream)

    def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        addresses = self._resolver(host, port)[: 16 * MAX_ADDRESSES_TRIED]
        if not addresses:
            raise UnknownHost(f"the name {host} has no address")
        for address in addresses:
            what = why_refused(address, self._allowed)
            if what is not None:
                raise AddressRefused(
                    f"its server {host} has an address that is not public, {address} ({what}); "
                    "where that is meant, name its network in allowed_private_networks"
                )
        return addresses[:MAX_ADDRESSES_TRIED]

    def _connected(self, address: str, port: int, timeout: float | None) -> httpcore.NetworkStream:
        seconds = self.seconds_left(timeout)
        if self._aborted or seconds < _NO_TIME_LEFT_S:
            raise httpcore.ConnectTimeout("no time left")
        # A numeric address: nothing is resolved again.
        return _BoundedStream(self._plain.connect_tcp(address, port, seconds), self)


class _BoundedStream(httpcore.NetworkStream):
    """A connection whose every step ends by the deadline of the thread that takes it."""

    def __init__(self, stream: httpcore.NetworkStream, network: CheckedNetwork) -> None:
        self._stream = stream
        self._network = network
        network.remember(self)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Raises ReadTimeout, ReadError."""
        return self._stream.read(max_bytes, self._seconds(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Raises WriteTimeout, WriteError."""
        self._stream.write(buffer, self._seconds(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Raises ConnectTimeout, ConnectError (caused by ssl.SSLError)."""
        seconds = self._seconds(timeout, httpcore.ConnectTimeout)
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, seconds)
        except BaseException:
            self.close()
            raise
        self._network.forget(self)
        return _BoundedStream(stream, self._network)

    def close(self) -> None:
        """Also makes `abort` forget it."""
        self._network.forget(self)
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """That of the connection itself."""
        return self._stream.get_extra_info(info)

    def _seconds(self, timeout: float | None, over: type[Exception]) -> float:
        seconds = self._network.seconds_left(timeout)
        if seconds < _NO_TIME_LEFT_S:
            raise over("no time left")
        return seconds
