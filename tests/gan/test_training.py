"""Whole runs of a hundred small steps."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.checkpoints import newest_checkpoint
from gan.objective_settings import PenaltySettings
from gan.sampling import load_generator
from gan.settings import TrainingSettings
from gan.training import TrainingResult, train
from gan.training_log import read_log

Images = tuple[np.ndarray, np.ndarray]
Copied = Callable[[Path], Path]
NAMES = ("flat", "rising", "falling")
SEED = 3

KILLED_RUN = """
import os, signal, sys
from pathlib import Path
import numpy as np
from gan.settings import TrainingSettings
from gan.training import train

def kill_itself(done, total, **numbers):
    if done >= int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

data = np.load(sys.argv[1])
settings = TrainingSettings.model_validate_json(sys.argv[4])
train(data["x"], data["y"], ("flat", "rising", "falling"), data["sx"], data["sy"], settings, 3, Path(sys.argv[2]),
      kill_itself)
"""


@pytest.fixture(scope="module")
def finished(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path_factory: pytest.TempPathFactory
) -> TrainingResult:
    """A run that nothing interrupted."""
    return train(*stripes, NAMES, *few_stripes, small_training, SEED, tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def killed_folder(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same run, killed with SIGKILL in another process after 1600 images, when checkpoints 640 and 1280 exist."""
    place = tmp_path_factory.mktemp("killed")
    np.savez(place / "data.npz", x=stripes[0], y=stripes[1], sx=few_stripes[0], sy=few_stripes[1])
    root = Path(__file__).parents[2]
    arguments = [str(place / "data.npz"), str(place / "run"), "1600", small_training.model_dump_json()]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    died = subprocess.run([sys.executable, "-c", KILLED_RUN, *arguments], env=environment, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    return place / "run"


def last_arrays(folder: Path) -> dict[str, np.ndarray]:
    found = newest_checkpoint(folder / "checkpoints").checkpoint
    assert found is not None
    return found.arrays


def events_of(folder: Path) -> list[tuple[str, int]]:
    """All but the line that says how fast a call is."""
    return [(line["event"], line["images_seen"]) for line in read_log(folder) if line["event"] != "start"]


def assert_same_run(resumed: TrainingResult, finished: TrainingResult) -> None:
    wanted, got = last_arrays(finished.folder), last_arrays(resumed.folder)
    assert got.keys() == wanted.keys()
    assert [name for name in wanted if not np.array_equal(got[name], wanted[name])] == []
    assert resumed.evaluations == finished.evaluations
    for name in ("generator.weights.npz", "discriminator.weights.npz", "film/training.gif"):
        assert (resumed.folder / name).read_bytes() == (finished.folder / name).read_bytes(), name


def test_a_killed_run_resumes_to_the_same_bits(
    killed_folder: Path,
    finished: TrainingResult,
    stripes: Images,
    few_stripes: Images,
    small_training: TrainingSettings,
    copied: Copied,
) -> None:
    resumed = train(*stripes, NAMES, *few_stripes, small_training, SEED, copied(killed_folder))
    assert resumed.resumed_at_images == 1280
    assert_same_run(resumed, finished)
    assert events_of(resumed.folder) == events_of(finished.folder)


def test_a_damaged_checkpoint_is_passed_over_by_name(
    killed_folder: Path,
    finished: TrainingResult,
    stripes: Images,
    few_stripes: Images,
    small_training: TrainingSettings,
    copied: Copied,
) -> None:
    folder = copied(killed_folder)
    newest = folder / "checkpoints" / "step-000000080.npz"
    newest.write_bytes(newest.read_bytes()[:-100])
    resumed = train(*stripes, NAMES, *few_stripes, small_training, SEED, folder)
    assert resumed.resumed_at_images == 640
    assert len(resumed.notes) == 1
    assert resumed.notes[0].startswith(f"checkpoint passed over: {newest}: not a readable weights file (")
    assert_same_run(resumed, finished)


def test_the_folder_holds_what_people_look_at(finished: TrainingResult) -> None:
    files = (path.relative_to(finished.folder).as_posix() for path in finished.folder.rglob("*.*"))
    names = sorted(name for name in files if not name.startswith("film"))
    assert names == [
        "checkpoints/step-000000080.npz",
        "checkpoints/step-000000100.npz",
        "discriminator.weights.npz",
        "extractor.npz",
        "generator.json",
        "generator.weights.npz",
        "interpolation/000000800.png",
        "interpolation/000001600.png",
        "samples/000000800.png",
        "samples/000001600.png",
        "trained_on.npz",
        "training_log.jsonl",
    ]


def test_the_log_holds_losses_and_evaluations(finished: TrainingResult) -> None:
    log = read_log(finished.folder)
    losses = [line for line in log if line["event"] == "losses"]
    assert [line["images_seen"] for line in losses] == [800, 1600]
    assert losses[0].keys() >= {"discriminator_loss", "generator_loss", "penalty", "images_per_second"}
    logged = [line["frechet_distance"] for line in log if line["event"] == "evaluation"]
    assert logged == [evaluation.frechet_distance for evaluation in finished.evaluations]


def test_the_best_snapshot_is_the_one_kept(finished: TrainingResult) -> None:
    assert finished.best == min(finished.evaluations, key=lambda evaluation: evaluation.frechet_distance)
    assert finished.best.extractor.startswith("classifier sha256:")


def test_a_finished_run_is_not_trained_again(
    finished: TrainingResult, stripes: Images, few_stripes: Images, small_training: TrainingSettings, copied: Copied
) -> None:
    again = train(*stripes, NAMES, *few_stripes, small_training, SEED, copied(finished.folder))
    assert (again.resumed_at_images, again.images_seen) == (1600, 1600)
    assert_same_run(again, finished)


def test_a_folder_of_another_run_is_refused(
    finished: TrainingResult, stripes: Images, few_stripes: Images, small_training: TrainingSettings
) -> None:
    sentence = (
        f"{finished.folder} holds training on other data, settings or seed; use another folder, or delete this one"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        train(*stripes, NAMES, *few_stripes, small_training, SEED + 1, finished.folder)


def test_the_time_cap_stops_and_says_so(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path
) -> None:
    settings = small_training.model_copy(update={"budget_minutes": 0.01})  # less than it takes to trace a step
    result = train(*stripes, NAMES, *few_stripes, settings, SEED, tmp_path)
    assert result.stopped_by == "budget_minutes"
    assert 0 < result.images_seen < 1600
    assert load_generator(tmp_path).sample(np.arange(3), seed=0).shape == (3, 16, 16, 1)


def test_a_generator_that_never_learns_raises_the_alarm(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path
) -> None:
    frozen = {"learning_rate_start": 1e-12, "learning_rate_end": 1e-12, "budget_images": 320}
    often = {"evaluate_every_images": 160, "alarm_after_share": 0.0, "coverage_floor": 1.0}
    settings = small_training.model_copy(update=frozen | often)
    result = train(*stripes, NAMES, *few_stripes, settings, SEED, tmp_path)
    assert "coverage" in [alarm.measure for alarm in result.alarms]
    logged = [line["sentence"] for line in read_log(tmp_path) if line["event"] == "alarm"]
    assert logged == [alarm.sentence for alarm in result.alarms]


@pytest.mark.parametrize("one_class", [False, True], ids=["no labels", "one class"])
def test_training_without_classes_is_unconditional(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path, one_class: bool
) -> None:
    settings = small_training.model_copy(update={"budget_images": 160})
    labels = (0 * stripes[1], 0 * few_stripes[1]) if one_class else (None, None)
    names = ("only",) if one_class else None
    result = train(stripes[0], labels[0], names, few_stripes[0], labels[1], settings, SEED, tmp_path)
    generator = load_generator(tmp_path)
    assert (generator.spec.classes, generator.class_names) == (0, names)
    assert generator.sample(4, seed=0).shape == (4, 16, 16, 1)
    assert result.best.extractor.startswith("self-supervised sha256:")


def test_colour_and_exact_penalties_train(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path
) -> None:
    settings = small_training.model_copy(update={"budget_images": 160, "penalty": PenaltySettings(order="exact")})
    real, select = (np.repeat(images, 3, axis=3) for images in (stripes[0], few_stripes[0]))
    result = train(real, stripes[1], NAMES, select, few_stripes[1], settings, SEED, tmp_path)
    assert np.isfinite(result.best.frechet_distance)
    assert load_generator(tmp_path).sample(np.arange(3), seed=0).shape == (3, 16, 16, 3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"class_names": ("a", "b")}, "labels span 0..2; allowed are 0..1"),
        ({"class_names": None}, "labels without class names; give one name per class"),
        ({"labels": np.zeros(3, np.int32)}, "3 labels for 120 images; give one per image"),
        (
            {"labels": None},
            "either the training images or the select images have no labels; give labels for both or none",
        ),
        (
            {"images": np.zeros((120, 16, 16, 1), np.float32)},
            "images are float32 and uint8; training needs uint8 in [0, 255]",
        ),
        (
            {"select_images": np.zeros((3, 16, 16, 1), np.uint8)},
            "3 images (half of validation) to select the snapshot with; at least 6 are needed; raise split.validation, "
            "or add images",
        ),
        (
            {"select_images": np.zeros((36, 32, 32, 1), np.uint8)},
            "select images have shape (32, 32, 1), training images (16, 16, 1); prepare both alike",
        ),
    ],
    ids=["unknown label", "no names", "too few labels", "half labelled", "floats", "few select", "other size"],
)
def test_what_cannot_be_trained_on_is_refused(
    stripes: Images,
    few_stripes: Images,
    small_training: TrainingSettings,
    tmp_path: Path,
    change: dict[str, object],
    sentence: str,
) -> None:
    arguments: dict[str, object] = {
        "images": stripes[0],
        "labels": stripes[1],
        "class_names": NAMES,
        "select_images": few_stripes[0],
        "select_labels": few_stripes[1],
    }
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        train(**{**arguments, **change}, settings=small_training, seed=SEED, folder=tmp_path)  # type: ignore[arg-type]
