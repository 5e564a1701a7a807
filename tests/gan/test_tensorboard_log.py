import subprocess
import sys
from pathlib import Path

import numpy as np

from gan.tensorboard_log import TensorBoardLog
from tests.gan.tensorboard_points import read_points


def test_numbers_and_pictures_are_points_at_images_seen(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    log.numbers("losses", 100, {"discriminator": 0.5, "generator": 2.0})
    log.picture("samples", 100, np.zeros((4, 6, 3), np.uint8))
    log.close()
    assert read_points(tmp_path) == [
        ("losses/discriminator", 100, 0.5),
        ("losses/generator", 100, 2.0),
        ("samples", 100, None),
    ]


def test_a_resumed_run_leaves_one_point_for_each_step(tmp_path: Path) -> None:
    killed = TensorBoardLog(tmp_path)
    for images_seen in (100, 200, 300):
        killed.numbers("losses", images_seen, {"a": images_seen})
    killed.close()
    resumed = TensorBoardLog(tmp_path)
    resumed.cut(200)
    for images_seen in (300, 400):
        resumed.numbers("losses", images_seen, {"a": -images_seen})
    resumed.close()
    assert [(step, value) for _, step, value in read_points(tmp_path)] == [
        (100, 100),
        (200, 200),
        (300, -300),
        (400, -400),
    ]


def test_a_record_that_a_killed_run_left_unfinished_is_cut_away(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    log.numbers("losses", 100, {"a": 1.0})
    log.numbers("losses", 200, {"a": 2.0})
    log.close()
    (path,) = (tmp_path / "tensorboard").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    TensorBoardLog(tmp_path).cut(1000)
    assert read_points(tmp_path) == [("losses/a", 100, 1.0)]


def test_going_back_in_the_same_run_goes_on_in_a_new_file(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    log.numbers("losses", 200, {"a": 1.0})
    log.cut(100)
    log.numbers("losses", 200, {"a": 2.0})
    log.close()
    assert read_points(tmp_path) == [("losses/a", 200, 2.0)]
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2


def test_writing_needs_no_tensorboard(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['tensorboard'] = None\n"
        "from pathlib import Path; from gan.tensorboard_log import TensorBoardLog\n"
        "log = TensorBoardLog(Path(sys.argv[1])); log.numbers('a', 1, {'b': 1.0}); log.close()"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=True, capture_output=True)
    assert read_points(tmp_path) == [("a/b", 1, 1.0)]
