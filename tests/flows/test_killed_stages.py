"""A run that is killed in any of its stages: the next one goes on there, and its result is that of an undisturbed run.

Every stage is killed while it writes, half-way through the files that it writes when nobody disturbs it.
"""

import signal
from functools import partial

import pytest

from tasks.digests import file_digests
from tests.flows.struck_run import BUDGET_IMAGES, CHECKPOINT_IMAGES, SETTINGS, undisturbed_run
from tests.flows.whole_run import NAMES, run

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, write_blobs):
    """A whole run with what was there after each stage, and how many files each stage wrote."""
    return undisturbed_run(tmp_path_factory.mktemp("killed"), SETTINGS, partial(write_blobs, per_class=24))


def contents(folder):
    """Digests of all files of a folder that may not be there."""
    return file_digests(folder) if folder.exists() else {}


@pytest.mark.parametrize("stage", NAMES)
def test_a_run_that_was_killed_in_a_stage_is_gone_on_with_there_and_gives_the_same(undisturbed, stage):
    data = undisturbed.home / "data"
    before = undisturbed.restore(stage)
    done = undisturbed.struck(stage, FAULT="kill_run", FAULT_AT=undisturbed.half(stage))
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    shared = data / "workspace" / "tiny"
    assert list((shared / stage).glob("*/DONE")) == []
    assert visible(data) == visible(before)

    again = run(undisturbed.settings_file, stage)

    *earlier, last = again.results.values()
    assert {result.outcome for result in earlier} <= {"skipped"}
    assert last.outcome == ("resumed" if stage == "train" else "ran")
    assert last.digest == undisturbed.results[stage].digest
    assert contents(data / "published") == contents(undisturbed.home / "after" / stage / "published")
    assert list(shared.rglob("*.partial")) == []
    if stage == "train":
        assert CHECKPOINT_IMAGES <= last.summary["resumed_at_images"] < last.summary["images_seen"] == BUDGET_IMAGES


def visible(data):
    """Published versions that readers can open."""
    found = (data / "published").glob("*/*/dataset_info.json")
    return {path.relative_to(data): path.read_bytes() for path in found}
