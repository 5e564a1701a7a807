"""What the train stage reads, and what it refuses before it holds any image."""

import json
import re

import pytest

from datasets.errors import BadInput
from gan.settings import TrainingSettings
from tasks.digests import digest_of
from tasks.parallel import ComputeSettings
from tasks.stage_context import StageContext
from tasks.train import check_by_class, check_fits_memory, training_reads
from tests.tasks.tiny_versions import tiny

RECIPE = {"format": 1, "stage": "train", "settings": {}, "code": "c", "libraries": {}}
SETTINGS = TrainingSettings(width=4)


class Bench:
    """A published version, and trainings that ended."""

    def __init__(self, base):
        self.base, self.ended = base, 0

    def publish(self, version, **changes):
        tiny(version=version, **changes).write(self.base / "published" / "tiny" / version)

    def context(self, seed=0):
        shared = self.base / "workspace" / "tiny"
        (shared / "train").mkdir(parents=True, exist_ok=True)
        return StageContext(
            dataset="tiny",
            seed=seed,
            inputs={},
            out=shared,
            place="",
            shared=shared,
            published=self.base / "published",
            recipe=digest_of(RECIPE),
            compute=ComputeSettings(),
        )

    def end(self, name, reads, seed=0):
        """A training that began with `reads` has ended."""
        folder = self.context().shared / "train" / name
        folder.mkdir()
        parts = RECIPE | {"seed": seed, "reads": reads, "inputs": {}, "libraries": {}}
        done = {"format": 1, "fingerprint": name, "parts": parts, "outputs": {}, "digest": "", "summary": {}}
        (folder / "DONE").write_text(json.dumps(done), encoding="utf-8")


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_the_first_training_has_none_to_begin_with(bench):
    bench.publish("1.0.0")
    reads = training_reads(SETTINGS, bench.context())
    assert (reads["earlier"], reads["set"]) == (None, {"width": 4})


def test_nothing_changed_reads_the_same(bench):
    bench.publish("1.0.0")
    first = training_reads(SETTINGS, bench.context())
    bench.end("aaa", first)
    assert training_reads(SETTINGS, bench.context()) == first


def test_a_new_version_begins_with_the_last_training_and_stays_so(bench):
    bench.publish("1.0.0")
    bench.end("aaa", training_reads(SETTINGS, bench.context()))
    bench.publish("1.1.0", splits={"train": 15, "validation": 4, "test": 3})
    second = training_reads(SETTINGS, bench.context())
    assert second["earlier"] == "train/aaa"
    bench.end("bbb", second)
    assert training_reads(SETTINGS, bench.context()) == second


def test_what_was_tried_meanwhile_makes_an_ended_training_no_older(bench):
    bench.publish("1.0.0")
    first = training_reads(SETTINGS, bench.context())
    bench.end("aaa", first)
    bench.end("bbb", training_reads(TrainingSettings(width=8), bench.context()))
    assert training_reads(SETTINGS, bench.context()) == first


def test_never_looks_for_none(bench):
    bench.publish("1.0.0")
    bench.end("aaa", {})
    assert training_reads(TrainingSettings(warm_start="never"), bench.context())["earlier"] is None


def test_a_value_that_was_set_is_told_from_one_that_was_not(bench):
    bench.publish("1.0.0")
    given = training_reads(TrainingSettings(gamma_start=1.0), bench.context())
    assert given != training_reads(TrainingSettings(), bench.context())


def test_a_damaged_record_is_passed_over(bench):
    bench.publish("1.0.0")
    bench.end("aaa", {})
    (bench.context().shared / "train" / "aaa" / "DONE").write_text("{", encoding="utf-8")
    assert training_reads(SETTINGS, bench.context())["earlier"] is None


def test_more_images_than_half_of_the_memory_are_refused():
    sentence = (
        "1000000 training images take 11.4 GiB, and training holds all of them in memory, in at most half of this "
        "machine's 16.0 GiB; use a machine with more, or set scan.resize.width_px and height_px lower"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_fits_memory(1_000_000, (64, 64, 3), 16 * 2**30)
    check_fits_memory(600_000, (64, 64, 3), 16 * 2**30)


@pytest.mark.parametrize(
    ("conditional", "counts", "sentence"),
    [
        (
            "no",
            [50, 50],
            "train.conditional is no, and the data set has classes, of which synthetic images are to be made; set it "
            "to auto, or run `train` alone",
        ),
        (
            "auto",
            [5, 5],
            "10 training images of 2 classes are 5.0 per class, at least 8 on average are needed to learn by class; "
            "add images, merge classes, or run `prepare` alone",
        ),
    ],
)
def test_classes_that_cannot_be_made_are_refused(conditional, counts, sentence):
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_by_class(TrainingSettings(conditional=conditional), counts)


@pytest.mark.parametrize("counts", [[20], [20, 0], [8, 8]], ids=["one class", "one that is left", "enough"])
def test_classes_that_can_be_made_are_not(counts):
    check_by_class(TrainingSettings(), counts)
