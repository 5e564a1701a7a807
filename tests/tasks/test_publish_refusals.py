"""What cannot be published: one sentence each, and nothing of it can be seen."""

import json
import re
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from datasets.errors import FormatError, PlaceFailed, Refused
from datasets.sources import source_settings
from datasets.tfds_layout import read_index, write_index
from tasks.publish import PublishSettings, publish_real
from tasks.published_versions import damage, latest, versions
from tasks.publishing.local_target import LocalTarget
from tests.tasks.publish_runs import add_image, prepare, publish

__all__ = ["publish"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def prepared(workbench, class_folders, no_augmentation):
    """Outputs of all stages before publishing."""
    prepare(workbench, no_augmentation, class_folders)
    return workbench


def publish_now(workbench, **changes):
    context = replace(workbench.context("publish_data", "shard", "gate_data"), **changes)
    return publish_real(PublishSettings(), context)


def visible(workbench):
    return [path.name for path in workbench.published.rglob("dataset_info.json")]


def test_a_target_that_cannot_be_written_is_a_sentence(prepared):
    prepared.published.write_text("a file where the folder should be")
    sentence = f"{prepared.published / 'tiny'} cannot be written (not a directory)"
    with pytest.raises(PlaceFailed, match=f"^{re.escape(sentence)}$"):
        publish_now(prepared)


LIMITED = """
import resource, sys
from pathlib import Path
from datasets.errors import PlaceFailed
from tasks.parallel import ComputeSettings
from tasks.publish import PublishSettings, publish_real
from tasks.stage_context import StageContext
base, shards, gate, limit = sys.argv[1:]
shared = Path(base) / "workspace" / "tiny"
context = StageContext(dataset="tiny", seed=0, inputs={"shard": Path(shards), "gate_data": Path(gate)}, out=shared,
    place="", shared=shared, published=Path(base) / "published", recipe="", compute=ComputeSettings())
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
try:
    publish_real(PublishSettings(), context)
except PlaceFailed as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_is_a_sentence_and_leaves_nothing(prepared):
    folders = [str(prepared.outputs[name]) for name in ("shard", "gate_data")]
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(prepared.base), *folders, "2000"], cwd=ROOT, capture_output=True, text=True
    )
    folder = prepared.published / "tiny" / "1.0.0"
    assert run.stdout == (
        f"nothing is published: {folder} cannot be written (file too large); make room or choose another place, "
        "then run again\n"
    ), run.stderr
    assert not folder.exists()
    assert publish_now(prepared)["version"] == "1.0.0"


def test_a_damaged_shard_is_not_published(prepared):
    shard = prepared.outputs["shard"] / "tiny-train.tfrecord-00000-of-00001"
    shard.write_bytes(shard.read_bytes()[:-1])
    sentence = f"tiny is not published: the prepared shard {shard} is damaged; run again, and it is made anew"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        publish_now(prepared)
    assert not (prepared.published / "tiny" / "1.0.0").exists()


def test_images_without_a_licence_are_not_published_where_one_is_demanded(workbench, class_folders, publish):
    sentence = (
        "tiny is not published: no licence is known of 40 of its 40 images (40 of source source); set source.licence, "
        "or publish.require_licence to false"
    )
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        publish(class_folders, how=PublishSettings(require_licence=True), source=source_settings(path=class_folders))
    assert not workbench.published.exists()


def test_images_with_a_licence_are_published_where_one_is_demanded(class_folders, publish):
    assert publish(class_folders, how=PublishSettings(require_licence=True))["outcome"] == "published"


def test_a_class_id_that_would_change_is_refused(prepared):
    publish_now(prepared)
    index = read_index(prepared.outputs["shard"])
    features = replace(index.features, class_names=("right", "left"))
    write_index(prepared.outputs["shard"], replace(index, features=features))
    sentence = (
        "tiny is not published: its classes were left, right in 1.0.0 and would be right, left; ids of published "
        "classes do not change: choose another dataset name"
    )
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        publish_now(prepared)
    assert versions(prepared.published / "tiny") == ["1.0.0"]


def test_a_latest_that_moves_meanwhile_is_refused(prepared):
    def interfere(done, total, **_):
        LocalTarget(prepared.published).write("tiny/latest", b"7.0.0\n")

    sentence = (
        "tiny is not published: its `latest` was nothing when this run began and is 7.0.0 now, because somebody else "
        "has published or promoted a version; run again"
    )
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        publish_now(prepared, progress=interfere)
    assert visible(prepared) == []


def test_a_version_that_appears_meanwhile_is_not_replaced(prepared):
    def interfere(done, total, **_):
        LocalTarget(prepared.published).write("tiny/1.0.0/dataset_info.json", b"{}")

    sentence = "tiny 1.0.0 is not published: another run has published that version meanwhile; run again"
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        publish_now(prepared, progress=interfere)
    assert json.loads((prepared.published / "tiny" / "1.0.0" / "dataset_info.json").read_text()) == {}


def test_what_another_run_is_publishing_is_left_to_it(prepared):
    sentence = (
        f"{prepared.published / 'tiny'} is being published or pruned by another run; wait until it ends, run again"
    )
    with (
        LocalTarget(prepared.published).claim("tiny", "other"),
        pytest.raises(Refused, match=f"^{re.escape(sentence)}$"),
    ):
        publish_now(prepared)


def test_a_gate_that_compared_with_an_older_version_does_not_hold(workbench, class_folders, no_augmentation, publish):
    publish(class_folders)
    add_image(class_folders, "left/new.png", 1)
    prepare(workbench, no_augmentation, class_folders)
    outputs = dict(workbench.outputs)
    add_image(class_folders, "left/newer.png", 2)
    publish(class_folders)
    workbench.outputs = outputs
    sentence = (
        "tiny is not published: 1.1.0 was published since, after its gate compared with the latest version; run again"
    )
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        publish_now(workbench)
    assert versions(workbench.published / "tiny") == ["1.0.0", "1.1.0"]


def test_a_version_that_was_whole_but_for_latest_is_finished(prepared):
    publish_now(prepared)
    (prepared.published / "tiny" / "latest").unlink()
    publish_now(prepared)
    assert versions(prepared.published / "tiny") == ["1.0.0"]
    assert damage(latest(prepared.published / "tiny")) is None


def test_a_process_killed_while_it_copies_leaves_nothing_to_see(prepared):
    code = LIMITED.replace("PublishSettings(), context)", "PublishSettings(), replace(context, progress=stop))")
    stop = "def stop(*_, **__): os.kill(os.getpid(), 9)\n"
    code = f"import os\nfrom dataclasses import replace\n{stop}{code}"
    folders = [str(prepared.outputs[name]) for name in ("shard", "gate_data")]
    limit = str(resource.RLIM_INFINITY)
    run = subprocess.run([sys.executable, "-c", code, str(prepared.base), *folders, limit], cwd=ROOT)
    assert run.returncode == -signal.SIGKILL
    assert latest(prepared.published / "tiny") is None
    assert publish_now(prepared)["version"] == "1.0.0"
