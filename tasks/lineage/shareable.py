"""Settings as they may be published: without paths of a machine, addresses, hosts and credentials."""

import re
from collections.abc import Mapping
from typing import Any

LEFT_OUT = "(not published)"
SECRET_NAMES = ("storage_options", "user_agent", "dask_address", "headers", "password", "token", "secret")
_PLACE = re.compile(r"^([/~\\]|\.\.|[A-Za-z]:[/\\])|://|@")


def shareable(value: Any) -> Any:
    """A JSON value in which every place of a machine or network, and what opens it, is replaced by a sentence."""
    if isinstance(value, Mapping):
        return {shareable(name): _of_setting(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shareable(inner) for inner in value]
    if isinstance(value, str) and (_PLACE.search(value) or "\n" in value):
        return LEFT_OUT
    return value


def _of_setting(name: str, value: Any) -> Any:
    if value is not None and name in SECRET_NAMES:
        return LEFT_OUT
    return shareable(value)
