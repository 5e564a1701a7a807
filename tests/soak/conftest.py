"""The surroundings are those of the tests of whole runs."""

from tests.flows.conftest import environment

__all__ = ["environment"]
