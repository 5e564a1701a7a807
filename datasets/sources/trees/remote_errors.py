"""What the errors of fsspec's drivers mean, in words.

Drivers are told apart by the names of their error classes, since they are installed only where they are needed.
What they raise stays behind (`from None`): it may hold addresses with signatures, and logs keep tracebacks.
"""

import re

from datasets.masking import masked

MAX_LENGTH = 200
_REASONS = {
    "NoCredentialsError": "no credentials found; set them in the environment, or storage_options: {anon: true} for "
    "what is public",
    "PartialCredentialsError": "the credentials are incomplete; set key and secret in the environment",
    "EndpointConnectionError": "the server cannot be reached",
    "ConnectTimeoutError": "the server does not answer",
    "ReadTimeoutError": "the server stopped answering",
    "ConnectionClosedError": "the server closed the connection",
    "ClientConnectorError": "the server cannot be reached",
    "FSTimeoutError": "the server does not answer",
    "ProxyConnectionError": "the proxy cannot be reached",
    "HTTPClientError": "the connection to the server failed",
    "SSLError": "the server's certificate is not accepted",
}
"""Class of an error -> what it means; the class may be any of its bases."""
_CONNECTION = {"ConnectionError", "HTTPClientError", "TimeoutError", "FSTimeoutError", "ClientError", "gaierror"}


def reason(error: BaseException) -> str:
    """Why something remote cannot be read, in a few words, on one line."""
    names = _class_names(error)
    for name in names:
        if name in _REASONS:
            return _REASONS[name]
    text = _one_line(str(error))
    if isinstance(error, FileNotFoundError):
        return "not there"
    if isinstance(error, PermissionError):
        return f"access denied: {text}" if text else "access denied"
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    return text or names[0]


def is_missing(error: BaseException) -> bool:
    """Whether the server says that there is no such thing."""
    return isinstance(error, FileNotFoundError | NotADirectoryError)


def may_be_tried_again(error: BaseException) -> bool:
    """Whether the connection failed, so that nothing is known of what was asked for."""
    if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
        return False
    return isinstance(error, OSError) or bool(_CONNECTION & set(_class_names(error)))


def _class_names(error: BaseException) -> list[str]:
    return [made.__name__ for made in type(error).__mro__]


def _one_line(text: str) -> str:
    """Without line breaks, credentials, and queries of URLs, which may be signatures."""
    return re.sub(r"\?[^\s\"']*", "", masked(" ".join(text.split())))[:MAX_LENGTH]
