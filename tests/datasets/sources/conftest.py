"""What tests of several kinds of sources need."""

import pytest

from tests.datasets.sources.misbehaving_server import running_server
from tests.s3_server import s3_bucket, s3_client, s3_endpoint, s3_environment

__all__ = ["s3_bucket", "s3_client", "s3_endpoint", "s3_environment"]


@pytest.fixture
def server():
    """A web server on this machine that does what the test tells it."""
    with running_server() as server:
        yield server
