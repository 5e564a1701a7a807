"""URLs from strangers: parsed once and strictly, so that what is checked is what is asked for."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import NamedTuple, Self
from urllib.parse import quote, urljoin, urlsplit

import idna

from datasets.masking import MASK, is_secret_parameter, masked

MAX_URL_CHARACTERS = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_PARAMETER = re.compile(r"[^&;]+")
_LONG_ENOUGH_FOR_A_SECRET = 16
_MAX_SHOWN = 60


class UnsafeUrl(ValueError):
    """A URL that is not asked for. The sentence says why."""


@dataclass(frozen=True, slots=True)
class WebUrl:
    """A URL ready to be asked for: `host` is ASCII without brackets, `target` the ASCII path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Raises UnsafeUrl: not http or https, no host, a user name, control characters, too long."""
        if len(text) > MAX_URL_CHARACTERS:
            raise UnsafeUrl(f"it has {len(text)} characters; at most {MAX_URL_CHARACTERS} are allowed")
        if _CONTROL.search(text):
            raise UnsafeUrl("it holds control characters or backslashes")
        try:
            parts = urlsplit(text)
            scheme, port = parts.scheme.lower(), parts.port
            if scheme not in DEFAULT_PORTS:
                raise UnsafeUrl(f"only http and https are allowed, not {_shortened(scheme or text)}")
            if "@" in parts.netloc:
                raise UnsafeUrl("it holds a user name or password")
            target = _quoted(parts.path, "") or "/"
            query = f"?{_quoted(parts.query, '?[]')}" if parts.query else ""
            return cls(scheme, _host(parts.hostname or ""), _port(port, scheme), target + query)
        except UnsafeUrl:
            raise
        except ValueError as error:
            raise UnsafeUrl(f"it is no URL ({_shortened(str(error))})") from error

    @property
    def authority(self) -> str:
        """Host and, where it is not the usual one, port, as in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """The whole URL. May hold credentials in its query."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def shown(self) -> str:
        """The URL with `...` for every value of its query that may be a credential."""
        path, mark, query = self.target.partition("?")
        return f"{self.scheme}://{self.authority}{path}{mark}{_PARAMETER.sub(_without_secret, query)}"

    def redirected(self, location: str) -> "WebUrl":
        """Where a redirect leads. Raises UnsafeUrl as `parsed` does."""
        try:
            return WebUrl.parsed(urljoin(self.text, location))
        except UnsafeUrl:
            raise
        except ValueError as error:
            raise UnsafeUrl(f"it is no URL ({_shortened(str(error))})") from error


class Wanted(NamedTuple):
    """A URL to download; `key` is handed through."""

    key: int
    url: WebUrl


def _host(host: str) -> str:
    if ":" in host:
        return str(IPv6Address(host.partition("%")[0]))
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode("ascii")
    host = host.lower().rstrip(".")
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise UnsafeUrl(f"{_shortened(host)!r} is no name of a server" if host else "it names no server")
    return host


def _port(port: int | None, scheme: str) -> int:
    if port == 0:
        raise UnsafeUrl("port 0 does not exist")
    return port or DEFAULT_PORTS[scheme]


def _quoted(text: str, also_safe: str) -> str:
    """Percent-encoded where it has to be; what is encoded already stays."""
    return quote(text, safe="%/:@!$&'()*+,;=~-._" + also_safe)


def _without_secret(match: re.Match[str]) -> str:
    name, equals, _ = match[0].partition("=")
    if not equals:
        return name if len(name) < _LONG_ENOUGH_FOR_A_SECRET else MASK
    return f"{name}={MASK}" if is_secret_parameter(name) else match[0]


def _shortened(text: str) -> str:
    """Text of strangers as it may stand in a sentence."""
    text = masked(text.encode("ascii", "backslashreplace").decode())
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
