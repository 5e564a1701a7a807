"""The images are those of the tests of whole runs."""

from tests.flows.conftest import write_blobs

__all__ = ["write_blobs"]
