"""An S3 server on this machine, for tests of object storage; `conftest.py` beside this file imports the fixtures."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

SERVER = """
import logging, os, sys
os.environ["MOTO_S3_DEFAULT_MAX_KEYS"] = "20"
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""
"""Lists 20 objects at once, not 1,000. Ends when the process that started it does: then its input is closed."""


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own for one test."""

    name: str
    endpoint: str
    client: Any

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, payload: bytes = b"x") -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=payload)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of a server without buckets that takes any credentials."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait(timeout=20)


@pytest.fixture(scope="session")
def s3_client(s3_endpoint) -> Iterator[Any]:
    """What the tests fill buckets with."""
    from botocore.session import Session

    client = Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=s3_endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield client
    client.close()


@pytest.fixture
def s3_environment(s3_endpoint, monkeypatch) -> str:
    """The environment in which everything that speaks S3, in processes started by the test too, finds the server."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    return s3_endpoint


@pytest.fixture
def s3_bucket(s3_environment, s3_client) -> Bucket:
    """An empty bucket."""
    name = f"test-{uuid.uuid4().hex}"
    s3_client.create_bucket(Bucket=name)
    return Bucket(name, s3_environment, s3_client)
