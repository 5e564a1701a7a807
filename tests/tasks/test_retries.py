"""Which failures of a stage are worth trying again: those of networks, stores and clusters, never those of data."""

import json
import socket

import pytest
from prefect.states import Failed
from s3fs import S3FileSystem

from datasets.errors import BadInput, FormatError, PlaceFailed, Refused, Unreachable, UnreachableInput
from datasets.sources.trees.remote_folder import RemoteFolder
from tasks.parallel import ComputeSettings, check_cluster
from tasks.parallel.pool import Pool
from tasks.prefect_tasks import can_pass
from tasks.publishing.remote_target import RemoteTarget
from tasks.stage_process import StageFailed
from tests.s3_proxy import s3_proxy

__all__ = ["s3_proxy"]


def is_tried_again(error):
    """What Prefect is told when a task has failed with an error."""
    return can_pass(None, None, Failed(data=error))


def raised(work):
    with pytest.raises((BadInput, RuntimeError, OSError)) as caught:
        work()
    return caught.value


@pytest.fixture
def nobody():
    """A port of this machine that nobody listens at."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.fixture
def away(nobody):
    """How to open a store that does not answer, with no patience."""
    return {"endpoint_url": f"http://127.0.0.1:{nobody}", "config_kwargs": {"retries": {"total_max_attempts": 1}}}


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (StageFailed("its process was ended by SIGKILL", may_pass=True), True),
        (StageFailed("a bug"), False),
        (UnreachableInput("s3://b: cannot be listed"), True),
        (Unreachable("the Dask cluster is gone"), True),
        (BadInput("no images"), False),
        (FormatError("damaged"), False),
        (Refused("coverage 0.1 < 0.7"), False),
        (PlaceFailed("the disk is full"), False),
        (MemoryError(), False),
        (ZeroDivisionError("a bug"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_can_pass_is_tried_again_and_nothing_else(error, again):
    assert is_tried_again(error) is again


def test_a_source_whose_store_does_not_answer(s3_environment, away):
    error = raised(lambda: RemoteFolder.opened("s3://b", away))
    assert (type(error), is_tried_again(error)) == (UnreachableInput, True)


def test_a_source_that_is_not_there(s3_environment):
    assert not is_tried_again(raised(lambda: RemoteFolder.opened("s3://no-such-bucket", {})))


def test_a_store_that_goes_away_costs_no_image(s3_bucket, away):
    """A row of the manifest that says `it cannot be read` would stay, although the image is sound."""
    s3_bucket.put("a/1.png")
    tree = RemoteFolder(s3_bucket.url, json.dumps(away))
    error = raised(lambda: tree.read("a/1.png"))
    assert (type(error), is_tried_again(error)) == (UnreachableInput, True)


def test_an_object_that_fails_alone_is_a_problem_of_its_own(s3_bucket):
    s3_bucket.put("a/1.png")
    error = raised(lambda: RemoteFolder.opened(s3_bucket.url, {}).read("a/2.png"))
    assert (type(error), is_tried_again(error)) == (OSError, False)


def test_publishing_to_a_store_that_does_not_answer(s3_bucket, away):
    target = RemoteTarget(s3_bucket.url, json.dumps(away))
    error = raised(lambda: target.write("tiny/latest", b"1.0.0"))
    assert (type(error), is_tried_again(error)) == (Unreachable, True)


@pytest.mark.parametrize(("status", "code", "again"), [(503, "SlowDown", True), (403, "AccessDenied", False)])
def test_publishing_to_a_store_that_refuses(s3_bucket, s3_proxy, status, code, again):
    s3_proxy.before = lambda key: (status, f"<Error><Code>{code}</Code><Message>No</Message></Error>".encode())
    S3FileSystem.clear_instance_cache()
    target = RemoteTarget(s3_bucket.url, '{"config_kwargs": {"retries": {"total_max_attempts": 1}}}')
    assert is_tried_again(raised(lambda: target.write("tiny/latest", b"1.0.0"))) is again


def test_a_dask_scheduler_that_does_not_answer(nobody):
    compute = ComputeSettings(dask_address=f"tcp://127.0.0.1:{nobody}")
    assert is_tried_again(raised(lambda: check_cluster(compute, [])))


def test_a_dask_cluster_that_went_away():
    class Closed:
        status = "closed"

    pool = Pool(Closed(), "the Dask cluster", "start it", wait_s=1)
    assert is_tried_again(raised(pool.is_staffed))
