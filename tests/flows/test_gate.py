"""`augment-dataset gate` on any two sets of images."""

import json
import re
import shutil
import subprocess

import pytest

SETTINGS = """\
seed: 3
synthetic_gate:
  min_gate_images: 10
  classifier: {width: 4, feature_size: 8, budget_images: 2000}
  value: {seeds: 1, arms: [synthetic]}
  limits:
    kernel_distance: {severity: report}
    frechet_distance: {limit: 4}
    lowest_class_faithfulness: {severity: report}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, write_blobs, blob):
    """Real blobs of three classes, and others of the same kind in place of synthetic ones."""
    folder = tmp_path_factory.mktemp("gate")
    write_blobs(folder / "real", per_class=60)
    for class_id, name in enumerate("abc"):
        inner = folder / "made" / name
        inner.mkdir(parents=True)
        for number in range(30):
            (inner / f"{number}.png").write_bytes(blob(class_id, 1000 + number))
    write_blobs(folder / "few", per_class=4)
    (folder / "flat").mkdir()
    for number, path in enumerate(sorted((folder / "made").rglob("*.png"))):
        shutil.copy(path, folder / "flat" / f"{number}.png")
    (folder / "settings.yaml").write_text(SETTINGS)
    return folder


@pytest.fixture
def gate(place, command, environment):
    """gate(*arguments) -> the process that ended, with real, synthetic and settings given unless told."""

    def run(*arguments, real="real", synthetic="made"):
        sets = ("--real", place / real, "--synthetic", place / synthetic)
        called = command("gate", *sets, "--settings", place / "settings.yaml", *arguments)
        return subprocess.run(called, env=environment(place), capture_output=True, text=True, check=False)

    return run


def test_real_images_in_place_of_synthetic_ones_pass(gate, place, tmp_path):
    done = gate("--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "both sets as 16x16 grey, the commonest size of the synthetic images" in done.stdout
    lines = done.stdout.splitlines()
    (rule,) = (number for number, line in enumerate(lines) if line.startswith("───"))
    last = max(number for number, line in enumerate(lines) if line.rstrip().endswith((" passed", " reported")))
    table = lines[rule - 2 : last + 1]
    assert max(map(len, table)) <= 80 and not any("…" in line for line in table)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"gate.json", "gate.png", "closest_pairs.png"}


def test_copies_of_the_real_images_are_refused_as_json(gate, place):
    shutil.copytree(place / "real", place / "copies")
    done = gate("--json", synthetic="copies")
    assert done.returncode == 3, done.stdout + done.stderr
    record = json.loads(done.stdout)
    outcomes = {metric["name"]: metric["outcome"] for metric in record["metrics"]}
    assert (record["format_version"], record["verdict"], outcomes["exact_copies"]) == (3, "refused", "refused")
    assert re.search(r"^refused: \d+ metrics refuse: .*copies of training images", done.stderr, re.MULTILINE)


def test_synthetic_images_without_labels_are_measured_without_them(gate):
    done = gate("--json", synthetic="flat")
    assert done.returncode == 3, done.stdout + done.stderr
    outcomes = {metric["name"]: metric["outcome"] for metric in json.loads(done.stdout)["metrics"]}
    assert (outcomes["label_faithfulness"], outcomes["coverage"]) == ("not measured", "passed")


def test_an_extractor_that_cannot_be_downloaded_is_told_before_anything_is_measured(gate, tmp_path):
    nobody = "http://127.0.0.1:9/inception.tgz"
    extractor = f"{{kind: inception-2015, address: '{nobody}', weights_sha256: '{'0f' * 32}'}}"
    (tmp_path / "settings.yaml").write_text(f"synthetic_gate: {{min_gate_images: 10, extractor: {extractor}}}\n")
    done = gate("--settings", tmp_path / "settings.yaml")
    assert done.returncode == 2
    assert done.stderr.endswith(
        f"bad input: {nobody} could not be downloaded (Connection refused); without a network, download it elsewhere "
        "and set extractor.path\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sets", "sentence"),
    [
        (("--mode", "bend"), {}, "bad input: --mode is bend; allowed are stretch, pad, crop"),
        ((), {"synthetic": "real"}, r"bad input: --real and --synthetic are both \S+; give two sets of images"),
        ((), {"synthetic": "none"}, r"bad input: \S*none.*"),
        ((), {"real": "few"}, r"bad input: 12 real images give 9 to train on and 3 to decide on; .*"),
    ],
)
def test_what_cannot_be_measured_is_told_in_a_sentence(gate, arguments, sets, sentence):
    done = gate(*arguments, **sets)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert re.fullmatch(sentence, done.stderr.strip())


def test_settings_that_are_wrong_are_told_with_their_place(gate, place, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("synthetic_gate: {limits: {coverage: {limits: 3}}}")
    done = gate("--settings", path)
    assert done.returncode == 2
    assert done.stderr == (
        f"bad input: {path}: unknown setting synthetic_gate.limits.coverage.limits; allowed here: extractor, limit, "
        "min_images, of, on, severity\n"
    )
