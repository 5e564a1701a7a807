"""A cluster whose workers see none of this machine's folders: images, packs and copies go through object storage."""

import os
import re
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from datasets.errors import BadInput, PlaceFailed
from tasks.digests import file_digests
from tasks.parallel import ComputeSettings, Files, check_cluster
from tasks.parallel.exchange import Away, moved, opened_exchange
from tests.tasks.prepare_runs import prepare_here, prepare_on_cluster
from tests.tasks.test_identical_shards import shards_in, write_pictures

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
pytestmark = pytest.mark.timeout(600)

BLINDFOLD = '''
import os, sys

HIDDEN, NOTES = os.environ["HIDDEN_FOLDER"], os.environ["NOTES_FILE"]

def note(line):
    descriptor = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (line + "\\n").encode())
    os.close(descriptor)

def look(event, args):
    """Nothing below the hidden folder can be opened, listed or made; packs that are written are noted."""
    if event not in ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename"):
        return
    if not isinstance(args[0], (str, bytes)):
        return
    path = os.fsdecode(args[0])
    if path.startswith(HIDDEN):
        note(f"looked {event} {path}")
        raise PermissionError(13, "hidden from this worker", path)
    if event == "open" and path.endswith(".tmp") and ".pack." in path:
        note(f"wrote {os.getpid()} {'augment' if 'augmented-' in path else 'scan'}")

sys.addaudithook(look)
'''


@pytest.fixture(scope="module", autouse=True)
def helpers():
    """cluster_processes, importable here."""
    sys.path.insert(0, str(HERE))
    yield
    sys.path.remove(str(HERE))


@pytest.fixture
def pictures(s3_bucket, tmp_path):
    """URL of a folder per class in object storage."""
    folder = write_pictures(tmp_path / "made") / "images"
    for path in sorted(folder.rglob("*.*")):
        s3_bucket.put(f"pictures/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return f"{s3_bucket.url}/pictures"


@pytest.fixture
def here(tmp_path):
    """The folder of the run, and of what workers note."""
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def scheduler(tmp_path_factory, s3_environment):
    """A cluster without workers."""
    from cluster_processes import UserCluster

    cluster = UserCluster(tmp_path_factory.mktemp("cluster"), f"{ROOT}{os.pathsep}{HERE}")
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(here, scheduler):
    """Three workers that see nothing of that folder, each in a folder of its own."""
    folder = scheduler.folder
    (folder / "blindfold.py").write_text(BLINDFOLD)
    hidden = {"HIDDEN_FOLDER": str(here), "NOTES_FILE": str(folder / "notes")}
    preloaded = {"DASK_DISTRIBUTED__WORKER__PRELOAD": f"['{folder / 'blindfold.py'}']"}
    for number in range(3):
        (folder / f"worker-{number}").mkdir()
        own = {"DASK_TEMPORARY_DIRECTORY": str(folder / f"worker-{number}")}
        scheduler.workers.append(scheduler.add_workers(environment=hidden | preloaded | own))
    return scheduler


def notes(cluster):
    path = cluster.folder / "notes"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def objects(bucket):
    listed = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
    return [entry["Key"] for page in listed for entry in page.get("Contents", ())]


def test_three_workers_that_see_no_folder_of_ours_give_the_bytes_of_one_process(
    cluster, here, pictures, s3_bucket, tmp_path
):
    exchange = f"{s3_bucket.url}/exchange"
    prepare_on_cluster(here, pictures, dask_address=cluster.address, exchange=exchange)
    noted = notes(cluster)
    assert [line for line in noted if line[0] == "looked"] == []
    assert {line[2] for line in noted} == {"scan", "augment"}
    assert len({line[1] for line in noted}) == 3
    assert [key for key in objects(s3_bucket) if not key.startswith("pictures/")] == []
    assert shards_in(here) == file_digests(prepare_here(tmp_path / "alone", source=pictures))


def test_one_of_them_killed_at_work_changes_no_byte(cluster, here, pictures, s3_bucket, tmp_path):
    def kill_the_first():
        while not notes(cluster):
            time.sleep(0.01)
        cluster.kill(cluster.workers[0])

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    prepare_on_cluster(here, pictures, dask_address=cluster.address, exchange=f"{s3_bucket.url}/exchange")
    killer.join(60)
    assert cluster.workers[0].returncode == -9
    assert shards_in(here) == file_digests(prepare_here(tmp_path / "alone", source=pictures))


def test_a_worker_that_cannot_reach_the_exchange_is_named_before_it_gets_work(scheduler, s3_bucket):
    scheduler.add_workers(environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    compute = ComputeSettings(dask_address=scheduler.address, exchange=f"{s3_bucket.url}/exchange")
    sentence = (
        r"worker tcp://\S+ of the Dask cluster at tcp://\S+ cannot use compute\.exchange: "
        rf"{s3_bucket.url}/exchange/\w+/greeting cannot be read \(.+\); give workers the address and credentials of "
        r"the object store, as environment variables, too"
    )
    with pytest.raises(BadInput, match=f"^{sentence}$"):
        check_cluster(compute, [])


def test_a_bucket_that_is_not_there_is_told(s3_environment):
    sentence = "s3://no-such-bucket-here/x: no such bucket; make it first, or give another URL"
    with (
        pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"),
        opened_exchange("s3://no-such-bucket-here/x", Files(Path("/x"))),
    ):
        pass


def test_what_a_dead_run_left_at_the_exchange_goes_with_the_next(s3_bucket, tmp_path):
    url = f"{s3_bucket.url}/exchange"
    with opened_exchange(url, Files(tmp_path)) as exchange:
        left = f"exchange/{exchange.prefix}/pixels/abc/pack-1.pack"
    s3_bucket.put(left)
    s3_bucket.put("exchange/of-another-folder/pack")
    with opened_exchange(url, Files(tmp_path)):
        assert objects(s3_bucket) == ["exchange/of-another-folder/pack"]


def test_a_file_that_was_changed_on_its_way_is_refused_and_not_kept(s3_bucket, tmp_path):
    with opened_exchange(f"{s3_bucket.url}/exchange", Files(tmp_path)) as exchange:
        s3_bucket.put(f"exchange/{exchange.prefix}/a/pack", b"other bytes")
        sentence = (
            f"{s3_bucket.url}/exchange/{exchange.prefix}/a/pack is not what a worker left there; run the command again"
        )
        with pytest.raises(PlaceFailed, match=f"^{re.escape(sentence)}$"):
            exchange.bring_home(Away(None, {"a/pack": "0" * 64}))
    assert list(tmp_path.rglob("pack")) == []


def test_a_file_that_partitions_read_is_sent_once(s3_bucket, tmp_path):
    (tmp_path / "pack").write_bytes(b"prepared")
    with opened_exchange(f"{s3_bucket.url}/exchange", Files(tmp_path, lambda names: names)) as exchange:
        exchange.lend(["pack"])
        (tmp_path / "pack").unlink()
        exchange.lend(["pack"])
        assert objects(s3_bucket) == [f"exchange/{exchange.prefix}/pack"]


def test_folders_of_work_are_moved_however_deep_the_partial(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    work = partial(partial(print, 1, ours / "packs"), Path("/elsewhere"), out=ours)
    changed = moved(work, ours, theirs)
    assert (changed.args, changed.keywords) == ((1, theirs / "packs", Path("/elsewhere")), {"out": theirs})
    assert (theirs / "packs").is_dir()


def test_an_exchange_needs_a_cluster(monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    sentence = (
        "exchange is for a cluster, and dask_address names none; got exchange s3://bucket/x; remove it, or give both"
    )
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        ComputeSettings(exchange="s3://bucket/x")


@pytest.mark.parametrize("place", ["/mnt/exchange", "file:///mnt/exchange"])
def test_an_exchange_is_no_folder(place):
    sentence = (
        f"{place} is a folder; give a URL such as s3://bucket/exchange, or leave exchange out where workers see "
        "the workspace"
    )
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        ComputeSettings(exchange=place, dask_address="tcp://host:8786")


def test_two_workspaces_never_touch_each_others_files(s3_bucket, tmp_path):
    url = f"{s3_bucket.url}/exchange"
    with opened_exchange(url, Files(tmp_path / "a")) as one:
        s3_bucket.put(f"exchange/{one.prefix}/pack")
        with opened_exchange(url, Files(tmp_path / "b")) as other:
            assert other.prefix != one.prefix
        assert objects(s3_bucket) == [f"exchange/{one.prefix}/pack"]


def test_a_workspace_keeps_its_name_wherever_it_is_mounted(s3_bucket, tmp_path):
    url = f"{s3_bucket.url}/exchange"
    with opened_exchange(url, Files(tmp_path / "here")) as exchange:
        before = exchange.prefix
    (tmp_path / "here").rename(tmp_path / "there")
    with opened_exchange(url, Files(tmp_path / "there")) as exchange:
        assert exchange.prefix == before
