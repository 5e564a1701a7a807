"""What tests of several kinds of sources need."""

import pytest

from tests.datasets.sources.misbehaving_server import running_server


@pytest.fixture
def server():
    """A web server on this machine that does what the test tells it."""
    with running_server() as server:
        yield server
