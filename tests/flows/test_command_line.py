"""The command line: help with an example, exit codes, and one line for what a user did wrong."""

import pytest
from typer.testing import CliRunner

from flows import command_line
from flows.command_line import app

COMMANDS = (
    *("init", "run", "prepare", "train", "synthesize", "check", "sources", "models", "augment-preview"),
    *("trace", "verify", "export", "report", "demo", "runs", "status", "gc", "gate", "sample", "export-generator"),
    *("publish", "list", "diff", "prune", "promote"),
)
FEW = "split: {validation: 0.3}\nsynthetic_gate: {min_gate_images: 8}\n"  # what 60 images are enough for
LEAST = "dataset: tiny\nsource: {path: blobs}\nscan: {resize: {width_px: 16, height_px: 16}}\n"


def files_below(folder):
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture
def refusal(run_command, tmp_path):
    """refusal(*arguments) -> the sentence of a command that has to end with code 2, one line, and no new file."""

    def refused(*arguments):
        before = files_below(tmp_path)
        done = run_command(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert files_below(tmp_path) == before
        (line,) = done.stderr.splitlines()
        return line.removeprefix("bad input: ").replace(str(tmp_path), "HERE")

    return refused


@pytest.fixture
def settings_file(tmp_path):
    def write(text=""):
        (tmp_path / "tiny.yaml").write_text(LEAST + text)
        return "tiny.yaml"

    return write


def test_the_help_names_every_command(run_command):
    shown = run_command("--help").stdout
    assert [name for name in COMMANDS if f" {name} " not in shown] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_an_example(name):
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert f"Example: augment-dataset {name}" in " ".join(shown.stdout.split())


def test_no_command_shows_the_help_and_says_so(run_command):
    done = run_command()
    assert (done.returncode, done.stderr) == (2, "bad input: no command was given; try augment-dataset --help\n")
    assert "Usage: " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["convert"], "No such command 'convert'; try augment-dataset --help"),
        (["run"], "Missing argument 'SETTINGS'; try augment-dataset --help"),
        (["run", "tiny.yaml", "--quickly"], "No such option: --quickly; try augment-dataset --help"),
    ],
)
def test_a_wrong_call_is_refused(refusal, arguments, sentence):
    assert refusal(*arguments) == sentence


def test_a_missing_settings_file_is_refused(refusal):
    expected = "settings file tiny.yaml cannot be read (No such file or directory); `augment-dataset init` writes one"
    assert refusal("run", "tiny.yaml") == expected


def test_an_unknown_setting_is_refused(refusal, settings_file):
    sentence = refusal("run", settings_file("split: {train: 0.7}\n"))
    allowed = "balance, folds, source_splits, test, validation"
    assert sentence == f"tiny.yaml: unknown setting split.train; allowed here: {allowed}"


def test_a_wrong_value_of_an_option_is_refused_like_that_of_the_setting(refusal, settings_file):
    sentence = refusal("run", settings_file(), "--train-images", "0")
    assert sentence == "tiny.yaml: train.budget_images is 0: input should be greater than or equal to 1"


@pytest.mark.parametrize("arguments", [["init", "none"], ["check", "none", "--out", "out"]], ids=["init", "check"])
def test_a_folder_that_is_not_there_is_refused(refusal, tmp_path, arguments):
    sentence = refusal(*arguments)
    assert sentence.removeprefix("HERE/") == "none: no such folder or file; give what holds the images"


def test_an_empty_folder_is_refused(refusal, tmp_path):
    (tmp_path / "none").mkdir()
    expected = "HERE/none: no files in it (hidden ones do not count); give what holds images"
    assert refusal("check", "none", "--out", "out") == expected


def test_a_folder_of_texts_is_refused(refusal, settings_file, tmp_path):
    (tmp_path / "blobs").mkdir()
    for number in range(20):
        (tmp_path / "blobs" / f"{number}.png").write_text("not a picture")
    expected = (
        "none of the 20 files in HERE/blobs looks like an image; "
        "jpeg, png, gif, bmp, webp, tiff, jp2, avif, pnm, ico are read; "
        "check source.path"
    )
    assert refusal("run", settings_file()) == expected


def test_settings_that_are_there_are_not_overwritten(refusal, settings_file, blobs):
    expected = "tiny.yaml exists already; remove it, or name another file with --out"
    assert refusal("init", "blobs", "--out", settings_file()) == expected


def keep(folder, count):
    for path in sorted(folder.rglob("*.png"))[count:]:
        path.unlink()


def test_too_few_images_to_split_are_refused(refusal, settings_file, blobs):
    keep(blobs, 2)
    expected = (
        "HERE/blobs holds 2 files, too few to split; at least 3 images are needed, one each for train, validation "
        "and test; add images"
    )
    assert refusal("prepare", settings_file()) == expected


def test_too_few_images_to_learn_from_are_refused(refusal, settings_file, blobs):
    keep(blobs, 15)
    expected = (
        "HERE/blobs holds 15 files, too few to learn from; at least 16 training images are needed; add images, or "
        "run `prepare` alone"
    )
    assert refusal("run", settings_file()) == expected


def test_too_few_images_for_the_gate_are_refused_before_anything_is_prepared(refusal, settings_file, blobs):
    expected = (
        "HERE/blobs holds 60 files, which give at most 9 validation images, 5 of them to select the snapshot with; at "
        "least 6 are needed; raise split.validation, add images, or run `prepare` alone"
    )
    assert refusal("run", settings_file()) == expected


def test_a_shape_that_cannot_be_learned_is_refused_before_anything_is_prepared(refusal, settings_file, blobs):
    text = LEAST.replace("width_px: 16", "width_px: 48")
    (blobs.parent / "wide.yaml").write_text(text)
    expected = (
        "prepared images are 48x16 px, a generator learns squares with a side of 16, 28, 32, 64, 128 px; set "
        "scan.resize.width_px and height_px to one of these numbers"
    )
    assert refusal("run", "wide.yaml") == expected


def test_a_quota_for_no_class_is_refused_before_anything_is_learned(refusal, settings_file, blobs):
    sentence = refusal("run", settings_file(FEW + "generate: {quotas: {d: 5}}\n"))
    assert sentence == "generate.quotas names d; the classes are a, b, c"


@pytest.mark.parametrize("name", ["train", "synthesize"])
def test_there_is_nothing_to_learn_before_something_was_published(refusal, settings_file, name):
    expected = "HERE/published/tiny holds no published version; run `augment-dataset prepare` first"
    assert refusal(name, settings_file()) == expected


def test_there_is_no_report_before_the_first_run(refusal, settings_file):
    assert refusal("report", settings_file()) == "HERE/workspace/tiny holds no runs; run `augment-dataset run` first"


def test_a_dry_run_shows_the_plan_and_writes_nothing(run_command, settings_file, blobs, tmp_path):
    file = settings_file(FEW)
    before = files_below(tmp_path)
    done = run_command("run", file, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "What a run of tiny would do" in done.stdout
    assert "│ ingest            │ run           │ first run" in done.stdout
    assert "│ publish_synthetic │ run if needed │ depends on" in done.stdout
    assert done.stdout.endswith("MiB of disk. Nothing was done.\n")
    assert files_below(tmp_path) == before


def test_init_writes_settings_that_a_dry_run_takes(run_command, blobs):
    written = run_command("init", "blobs", "--out", "new.yaml")
    expected = "wrote new.yaml; look through it, then: augment-dataset run new.yaml --dry-run\n"
    assert (written.returncode, written.stdout) == (0, expected)
    assert run_command("prepare", "new.yaml", "--dry-run").returncode == 0


@pytest.fixture
def ended(monkeypatch, capsys):
    """ended(function) -> exit code and lines on standard error of a command line that does what the function does."""

    def run(function):
        monkeypatch.setattr(command_line, "app", lambda standalone_mode: function())
        with pytest.raises(SystemExit) as stop:
            command_line.main()
        return stop.value.code, capsys.readouterr().err

    return run


def interrupted_in_prefect():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise ValueError("Task run is not set") from None


def test_ctrl_c_that_prefect_turned_into_an_error_of_its_own_is_still_an_interruption(ended):
    assert ended(interrupted_in_prefect) == (1, "interrupted; run the same command again to go on\n")


def test_a_failure_gives_code_1_and_its_sentence(ended):
    def fail():
        raise OSError("the disk is full")

    assert ended(fail) == (1, "failed: the disk is full\n")


def test_an_error_that_nobody_foresaw_keeps_its_traceback(monkeypatch):
    def fail(standalone_mode):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(ZeroDivisionError, match=r"^a bug$"):
        command_line.main()
