"""Text as it may be shown and kept: with `...` in the place of what may be a credential."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

MASK = "..."
OPTION_WORDS = ("auth", "bearer", "connection_string", "cookie", "credential", "key", "pass", "sas", "secret", "token")
SHORTEST_SECRET = 8
"""Of a variable of the environment; what is shorter stands in texts by chance."""
_PARAMETER_TEXTS = ("signature", "token", "password", "credential", "secret", "apikey", "accesskey")
_PARAMETER_WORDS = {"sig", "sign", "key", "expires", "auth", "pass", "passwd", "pwd"}
_PARAMETER_WORDS |= {"jwt", "session", "sessionid", "sid", "hmac", "policy", "bearer"}
_PARAMETER_STARTS = ("x-amz-", "x-goog-")
_USER = re.compile(r"(//)[^\s/@'\"]*@|[^\s/@'\":]+:[^\s/@'\"]+@")
_PARAMETER = re.compile(r"(?<=[?&;])([^\s=&;?'\"<>]+)=[^\s&;'\"<>]+")


def masked(text: str) -> str:
    """The text without users and passwords of URLs, signatures of their queries, and secrets of the environment."""
    for secret in _of_environment():
        text = text.replace(secret, MASK)
    return _PARAMETER.sub(_without_value, _USER.sub(rf"\1{MASK}@", text))


def is_secret_option(name: str) -> bool:
    """Whether an option of that name, or a variable of the environment, may be a credential."""
    return any(word in name.lower() for word in OPTION_WORDS)


def is_secret_parameter(name: str) -> bool:
    """Whether a parameter of that name in a URL's query may be a credential."""
    name = unquote(name).lower()
    bare = re.sub(r"[^a-z0-9]", "", name)
    return (
        name.startswith(_PARAMETER_STARTS)
        or any(text in bare for text in _PARAMETER_TEXTS)
        or not _PARAMETER_WORDS.isdisjoint(re.split(r"[^a-z0-9]+", name))
    )


def _without_value(match: re.Match[str]) -> str:
    return f"{match[1]}={MASK}" if is_secret_parameter(match[1]) else match[0]


def _of_environment() -> list[str]:
    """Values of variables that are credentials, and passwords of URLs in others; the longest first."""
    values = [value for name, value in os.environ.items() if is_secret_option(name) and not _is_place(value)]
    values += filter(None, map(_password, os.environ.values()))
    found = {value for value in values if len(value) >= SHORTEST_SECRET}
    return sorted(found | {quote(value, safe="") for value in found}, key=len, reverse=True)


def _is_place(value: str) -> bool:
    """Files of credentials have names that messages need."""
    return value.startswith(("/", "~", ".")) and Path(value).expanduser().exists()


def _password(value: str) -> str | None:
    try:
        return urlsplit(value).password if "://" in value and "@" in value else None
    except ValueError:
        return None
