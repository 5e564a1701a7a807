"""What settings may say of how fsspec opens a URL: anything but credentials."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from datasets.masking import is_secret_option
from datasets.sources.settings import URL_MARK


def without_secrets(options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The options as they are. Raises ValueError where one looks like a credential: settings are written down."""
    secret = next(_secrets_in("storage_options", options or {}), None)
    if secret:
        raise ValueError(
            f"{secret} looks like a credential, which settings must not hold; "
            "set it in the environment or the service's own configuration file"
        )
    return options


def _secrets_in(name: str, value: Any) -> Iterator[str]:
    """Names of options, at any depth, that look like credentials, or hold a URL that may carry some."""
    if isinstance(value, Mapping):
        for inner, content in value.items():
            yield from [inner] if is_secret_option(inner) else _secrets_in(inner, content)
    elif isinstance(value, list | tuple):
        for content in value:
            yield from _secrets_in(name, content)
    elif isinstance(value, str) and URL_MARK in value and (urlsplit(value).query or "@" in urlsplit(value).netloc):
        yield name
