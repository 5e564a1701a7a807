"""Publishing to an S3-compatible server on loopback, with writers that are killed and a server that fails."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.errors import BadInput, PlaceFailed, Refused, UnreachableInput
from tasks.publish import PublishSettings, publish_real
from tasks.published_versions import damage, latest, versions
from tasks.publishing.mirror import Mirror, mirror_folder
from tasks.publishing.remote_target import RemoteTarget
from tests.s3_proxy import BROKEN, DENIED, s3_proxy
from tests.tasks.publish_runs import add_image, prepare, publish

__all__ = ["publish", "s3_proxy"]
ROOT = Path(__file__).resolve().parents[2]
SHARDS = [f"tiny-{split}.tfrecord-00000-of-00001" for split in ("test", "train", "validation")]


@pytest.fixture
def remote(workbench, s3_bucket):
    """The workbench publishes to a bucket."""
    return point_at(workbench, f"{s3_bucket.url}/sets")


def point_at(workbench, url):
    workbench.remote = url
    workbench.published = mirror_folder(workbench.shared, url)
    return RemoteTarget.opened(url, {})


def refreshed(workbench, history=True):
    """What a run does before its stages."""
    target = RemoteTarget.opened(workbench.remote, {})
    Mirror(target, workbench.published).refresh(["tiny"], history)


def through(proxy):
    """Drivers are kept by their options, so that the environment alone does not lead this process to the proxy."""
    return PublishSettings(storage_options={"endpoint_url": proxy.endpoint})


def keys(bucket):
    listed = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
    return [entry["Key"].removeprefix("sets/tiny/") for page in listed for entry in page.get("Contents", ())]


def test_a_version_is_published_whole_and_its_copy_is_the_same(workbench, class_folders, publish, remote, s3_bucket):
    summary = publish(class_folders)
    assert summary["path"] == f"{s3_bucket.url}/sets/tiny/1.0.0"
    found = latest(workbench.published / "tiny")
    assert (found.version, damage(found)) == ("1.0.0", None)
    files = {path.relative_to(found.path.parent).as_posix(): path for path in found.path.rglob("*") if path.is_file()}
    assert sorted(keys(s3_bucket)) == sorted([*files, "latest"])
    assert all(remote.read(f"tiny/{name}") == path.read_bytes() for name, path in files.items())


def test_files_arrive_in_an_order_that_shows_nothing_unfinished(class_folders, publish, remote, s3_proxy):
    publish(class_folders, how=through(s3_proxy))
    written = [key.removeprefix("sets/tiny/") for key in s3_proxy.puts]
    assert written[:4] == [".publishing", *(f"1.0.0/{name}" for name in SHARDS)]
    assert written[-3:] == ["1.0.0/index.json", "1.0.0/dataset_info.json", "latest"]


@pytest.mark.parametrize("key", ["../../../../planted", "..", "inner/../../planted", r"..\\planted"])
def test_names_that_lead_out_of_a_version_are_refused(class_folders, publish, remote, s3_bucket, tmp_path, key):
    publish(class_folders)
    s3_bucket.client.put_object(Bucket=s3_bucket.name, Key=f"sets/tiny/1.0.0/{key}", Body=b"evil")
    with pytest.raises(PlaceFailed, match=r" holds the name '.*', which no version has; remove it there$"):
        Mirror(remote, tmp_path / "mirror").refresh(["tiny"], with_history=True)
    assert list(tmp_path.rglob("*planted*")) == []


PUBLISHER = """
import os, sys
from dataclasses import replace
from pathlib import Path
import s3fs
from tasks import publish
from tasks.parallel import ComputeSettings
from tasks.publish import PublishSettings, publish_real, publish_real
from tasks.stage_context import StageContext
base, remote, published, shards, gate = sys.argv[1:]
shared = Path(base) / "workspace" / "tiny"
out = shared / "publish_data" / "again"
out.mkdir(parents=True, exist_ok=True)
context = StageContext(dataset="tiny", seed=0, inputs={"shard": Path(shards), "gate_data": Path(gate)}, out=out,
    place="", shared=shared, published=Path(published), recipe="", compute=ComputeSettings(), remote=remote)
publish.describe = lambda *_: None  # fewer files to be killed at
warm = Path(base) / "warm"
(warm / "out").mkdir(parents=True)
publish_real(PublishSettings(), replace(context, shared=warm, out=warm / "out", published=warm / "here", remote=None))
for line in sys.stdin:  # a process of its own for each line, in which all that takes long was done before
    child = os.fork()
    if not child:
        try:
            publish_real(PublishSettings(), context)
        finally:
            os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def publish_again(workbench, class_folders, no_augmentation, remote, s3_proxy):
    """Publishes prepared images in a process of its own; `stop` is given its id and each file as it arrives."""
    prepare(workbench, no_augmentation, class_folders)
    folders = [str(workbench.outputs[name]) for name in ("shard", "gate_data")]
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(workbench.base), workbench.remote, str(workbench.published), *folders],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )

    def run(stop):
        print("publish", file=process.stdin, flush=True)
        child = int(process.stdout.readline())
        s3_proxy.after = lambda key: stop(child, key.removeprefix("sets/tiny/"))
        code = int(process.stdout.readline())
        s3_proxy.after = lambda key: None
        return code

    with process:
        yield run
        process.stdin.close()


def test_killed_at_every_file_it_shows_nothing_and_goes_on(workbench, publish_again, s3_bucket, s3_proxy):
    arrived = []

    def kill_at_new(process_id, key):
        if key not in arrived and key != ".publishing":
            os.kill(process_id, signal.SIGKILL)

    while "latest" not in arrived:
        sent = len(s3_proxy.puts)
        assert publish_again(kill_at_new) == -signal.SIGKILL
        (key,) = {key.removeprefix("sets/tiny/") for key in s3_proxy.puts[sent:]} - {".publishing"}
        assert key not in arrived  # what had arrived before was not sent again
        arrived.append(key)
        refreshed(workbench)
        assert (latest(workbench.published / "tiny") is None) == (key != "latest")
    assert arrived[:3] == [f"1.0.0/{name}" for name in SHARDS]
    assert arrived[-3:] == ["1.0.0/index.json", "1.0.0/dataset_info.json", "latest"]
    assert damage(latest(workbench.published / "tiny")) is None
    assert publish_again(kill_at_new) == 0
    assert sorted(keys(s3_bucket)) == sorted(arrived)


def test_a_server_that_fails_at_any_file_is_a_sentence(
    workbench, class_folders, no_augmentation, remote, s3_bucket, s3_proxy
):
    prepare(workbench, no_augmentation, class_folders)
    for name in (
        ".publishing",
        *(f"1.0.0/{name}" for name in (SHARDS[1], "index.json", "dataset_info.json")),
        "latest",
    ):
        s3_proxy.before = lambda key, name=name: (403, DENIED) if key == f"sets/tiny/{name}" else None
        sentence = f"{s3_bucket.url}/sets/tiny/{name} cannot be written (access denied: Access Denied)"
        with pytest.raises(PlaceFailed, match=re.escape(sentence)):
            workbench.run("publish_data", publish_real, through(s3_proxy), "shard", "gate_data")
        assert "latest" not in keys(s3_bucket)
        assert ("1.0.0/dataset_info.json" in keys(s3_bucket)) == (name == "latest")
        refreshed(workbench)
        assert latest(workbench.published / "tiny") is None
    s3_proxy.before = lambda key: None
    assert workbench.run("publish_data", publish_real, through(s3_proxy), "shard", "gate_data")["version"] == "1.0.0"
    assert damage(latest(workbench.published / "tiny")) is None


def test_a_server_that_fails_for_a_moment_is_asked_again(class_folders, publish, remote, s3_proxy):
    failed = []

    def fail_once(key):
        if key in failed:
            return None
        failed.append(key)
        return 500, BROKEN

    s3_proxy.before = fail_once
    assert publish(class_folders, how=through(s3_proxy))["outcome"] == "published"


def test_the_same_again_sends_nothing_and_says_so(workbench, class_folders, publish, remote, s3_proxy):
    publish(class_folders, how=through(s3_proxy))
    sent = len(s3_proxy.puts)
    assert publish(class_folders, how=through(s3_proxy))["outcome"] == "unchanged"
    assert s3_proxy.puts[sent:] == ["sets/tiny/.publishing"]


def test_a_new_workspace_goes_on_where_another_left(workbench, class_folders, publish, remote):
    publish(class_folders)
    shutil.rmtree(workbench.shared)
    workbench.shared.mkdir()
    refreshed(workbench)
    add_image(class_folders, "left/new.png", 1)
    assert publish(class_folders)["version"] == "1.1.0"
    refreshed(workbench, history=False)
    assert versions(workbench.published / "tiny") == ["1.1.0"]


def test_what_another_workspace_is_publishing_is_left_to_it(class_folders, publish, remote, s3_bucket):
    s3_bucket.put("sets/tiny/.publishing", b"another workspace\n")
    sentence = (
        f"{s3_bucket.url}/sets/tiny is being published or pruned by another run; wait until it ends, run again; "
        f"if it was killed, remove {s3_bucket.url}/sets/tiny/.publishing"
    )
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        publish(class_folders)
    assert keys(s3_bucket) == [".publishing"]


def test_a_version_that_another_published_since_the_run_began_is_refused(class_folders, publish, remote, s3_bucket):
    s3_bucket.put("sets/tiny/latest", b"3.0.0\n")
    sentence = (
        "tiny is not published: its `latest` was nothing when this run began and is 3.0.0 now, because somebody else "
        "has published or promoted a version; run again"
    )
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        publish(class_folders)
    assert keys(s3_bucket) == ["latest"]


def test_a_version_that_appears_while_files_are_sent_is_not_replaced(
    class_folders, publish, remote, s3_bucket, s3_proxy
):
    info = "sets/tiny/1.0.0/dataset_info.json"
    s3_proxy.after = lambda key: s3_bucket.put(info, b"of another") if key.endswith("index.json") else None
    sentence = "tiny 1.0.0 is not published: another run has published that version meanwhile; run again"
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        publish(class_folders, how=through(s3_proxy))
    assert remote.read("tiny/1.0.0/dataset_info.json") == b"of another"


def test_a_file_that_arrives_changed_is_a_sentence(class_folders, publish, remote, s3_bucket, s3_proxy):
    key = f"sets/tiny/1.0.0/{SHARDS[0]}"
    s3_proxy.after = lambda written: s3_bucket.put(key, b"rotten") if written == key else None
    sentence = f"{s3_bucket.url}/{key} is not what was sent; run again, and it is sent again"
    with pytest.raises(PlaceFailed, match=f"^{re.escape(sentence)}$"):
        publish(class_folders, how=through(s3_proxy))
    assert remote.read("tiny/latest") is None


def test_damage_at_the_url_is_seen_in_the_copy_and_published_again(
    workbench, class_folders, publish, remote, s3_bucket
):
    publish(class_folders)
    s3_bucket.put(f"sets/tiny/1.0.0/{SHARDS[0]}", b"rotten")
    refreshed(workbench)
    assert damage(latest(workbench.published / "tiny")) == f"{SHARDS[0]} of 1.0.0 is gone"
    assert publish(class_folders)["version"] == "1.0.1"


def test_a_bucket_that_is_not_there_is_bad_input(workbench, s3_environment):
    with pytest.raises(BadInput, match=r"^s3://no-such-bucket-here/sets: no such bucket; make it first"):
        point_at(workbench, "s3://no-such-bucket-here/sets")


def test_a_server_that_is_away_is_no_bucket_that_is_missing(s3_environment):
    once = {"endpoint_url": "http://127.0.0.1:1", "config_kwargs": {"retries": {"total_max_attempts": 1}}}
    with pytest.raises(
        UnreachableInput, match=re.escape("s3://b/sets: cannot be opened (the server cannot be reached)")
    ):
        RemoteTarget.opened("s3://b/sets", once)
