"""Which URLs are remote folders, and how fsspec opens them."""

from collections.abc import Mapping
from typing import Any

from datasets.errors import BadInput

CONNECT_TIMEOUT_S = 5
ATTEMPTS = 3
_DRIVERS = {"s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3"), "gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs")}
"""Protocol -> the package that reads it, and our group of dependencies that holds the package."""
_WRAPPERS = {
    *(
        "async_wrapper",
        "asyncwrapper",
        "asynclocal",
        "blockcache",
        "cached",
        "dask",
        "data",
        "dir",
        "filecache",
        "generic",
    ),
    *("jlab", "jupyter", "libarchive", "pyscript", "reference", "simplecache", "tar", "zip"),
}
"""What fsspec calls a protocol, and is no place of files by itself."""


def checked_url(url: str) -> str:
    """A URL of a folder, without a slash at its end. Raises BadInput where it is none, or its driver is missing."""
    protocol, _, path = url.partition("://")
    protocol, path = protocol.lower(), path if protocol.lower() in ("file", "local") else path.rstrip("/")
    host = path.partition("/")[0]
    if ":" in host.rpartition("@")[0] or (protocol in _DRIVERS and "@" in host):
        raise BadInput(
            f"{protocol}://{host.rpartition('@')[2]}: credentials in the URL; "
            "set them in the environment or the service's own configuration file"
        )
    if protocol in ("http", "https"):
        raise BadInput(f"{url}: a web address is no folder; list the images in a table and set kind to url_list")
    if "::" in url:
        raise BadInput(f"{url}: chains of protocols (::) are not read; give the URL of one folder")
    if "?" in path:
        raise BadInput(f"{url.partition('?')[0]}: a query (?) in the URL; give the URL of a folder without one")
    if not path.strip("/") or "//" in path or (protocol in _DRIVERS and path.startswith("/")):
        raise BadInput(f"{url}: names no folder; give a URL such as s3://bucket/folder, without empty parts")
    if protocol in _WRAPPERS:
        raise BadInput(f"{url}: {protocol}:// is no remote folder; give the path of an archive without it")
    _check_driver(protocol)
    return f"{protocol}://{path}"


def options_of(protocol: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What fsspec opens a protocol with: as given, nothing remembered of listings, and no endless waiting for S3."""
    options: dict[str, Any] = {**given, "use_listings_cache": False}
    if protocol in ("s3", "s3a"):
        limits = {"connect_timeout": CONNECT_TIMEOUT_S, "retries": {"total_max_attempts": ATTEMPTS, "mode": "standard"}}
        options["config_kwargs"] = limits | dict(given.get("config_kwargs") or {})
    return options


def _check_driver(protocol: str) -> None:
    from fsspec import get_filesystem_class
    from fsspec.registry import known_implementations

    try:
        get_filesystem_class(protocol)
    except ValueError as error:
        raise BadInput(
            f"{protocol}://: an unknown protocol; give a local path or a URL such as s3://bucket/folder"
        ) from error
    except ImportError as error:
        if protocol in _DRIVERS:
            package, group = _DRIVERS[protocol]
            raise BadInput(f"reading {protocol}:// needs {package}; install augment-dataset[{group}]") from error
        advice = known_implementations.get(protocol, {}).get("err", str(error))
        raise BadInput(f"reading {protocol}:// needs a driver that is not installed: {advice}") from error
