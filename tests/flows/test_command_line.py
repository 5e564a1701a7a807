"""The command line: help with an example, exit codes, and one line for what a user did wrong."""

import inspect
import os
import shutil
from typing import Annotated, get_args, get_type_hints

import pytest
from pydantic import TypeAdapter, ValidationError
from rich.text import Text
from typer.testing import CliRunner

from flows import command_line
from flows.command_app import Seed, Workers
from flows.command_line import app
from flows.settings import Settings
from tasks.parallel import ComputeSettings

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


def helps(command):
    """All that the help of a command says: of itself, and of each of its arguments."""
    callback = command.callback
    yield inspect.getdoc(callback)
    for hint in get_type_hints(callback, include_extras=True).values():
        yield from (option.help for option in getattr(hint, "__metadata__", ()))


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.callback.__name__)
def test_no_word_of_a_help_is_taken_for_markup_and_no_line_of_it_ends_early(command):
    for text in helps(command):
        assert Text.from_markup(text).plain == text.replace(r"\[", "[")
        assert [part for part in text.split("\n\n")[1:] if "\n" in part] == []


def test_no_command_shows_the_help_and_says_so(run_command):
    done = run_command()
    assert (done.returncode, done.stderr) == (2, "bad input: no command was given; try augment-dataset --help\n")
    assert "Usage: " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["convert"], "No such command 'convert'; try augment-dataset --help"),
        (["run"], "Missing argument 'SETTINGS'; try augment-dataset --help"),
        (
            ["run", "tiny.yaml", "--quickly"],
            "No such option: --quickly (Possible options: --quiet); try augment-dataset --help",
        ),
    ],
)
def test_a_wrong_call_is_refused(refusal, arguments, sentence):
    assert refusal(*arguments) == sentence


@pytest.mark.parametrize(
    ("arguments", "bound"),
    [
        (["verify", "versions", "--workers", "-1"], "greater than or equal to 0"),
        (["promote", "versions", "1.0.0", "--workers", "1025"], "less than or equal to 1024"),
        (
            ["gate", "--real", "a", "--synthetic", "b", "--seed", "99999999999999999999"],
            "less than or equal to 2147483647",
        ),
        (["run", "tiny.yaml", "--seed", "-1"], "greater than or equal to 0"),
        (["models", "--classes", "100000000"], "less than or equal to 100000"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_number_out_of_bounds_is_refused(refusal, arguments, bound):
    expected = f"Invalid value for '{arguments[-2]}': Input should be {bound}; try augment-dataset --help"
    assert refusal(*arguments) == expected


@pytest.mark.parametrize(
    ("option", "section", "name"), [(Seed, Settings, "seed"), (Workers, ComputeSettings, "workers")]
)
def test_options_are_bounded_like_the_settings_that_they_override(option, section, name):
    _, bounds = get_args(option)
    allowed = TypeAdapter(Annotated[int, *section.model_fields[name].metadata])
    for bound, beyond in ((bounds.min, bounds.min - 1), (bounds.max, bounds.max + 1)):
        assert allowed.validate_python(bound) == bound
        with pytest.raises(ValidationError):
            allowed.validate_python(beyond)


NOT_UTF8 = os.fsdecode(b"caf\xe9")
SAID_OF_IT = "is, or lies in, a folder or file whose name is not UTF-8; rename that"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["check", NOT_UTF8, "--out", "out"], r"caf\udce9"),
        (["check", "blobs", "--out", f"{NOT_UTF8}/out"], r"caf\udce9/out"),
        (["init", NOT_UTF8], r"caf\udce9"),
        (["init", "blobs", "--out", f"{NOT_UTF8}/s.yaml"], r"caf\udce9/s.yaml"),
        (["prepare", f"{NOT_UTF8}/tiny.yaml"], r"caf\udce9/tiny.yaml"),
        (["gate", "--real", NOT_UTF8, "--synthetic", "blobs"], r"caf\udce9"),
        (["demo", "--folder", NOT_UTF8], r"caf\udce9"),
        (["verify", NOT_UTF8], r"caf\udce9"),
        (["export", "blobs", "--out", f"{NOT_UTF8}/out"], r"caf\udce9/out"),
        (["export-generator", "blobs", "--out", f"{NOT_UTF8}/out"], r"caf\udce9/out"),
        (["sample", "blobs", "--out", f"{NOT_UTF8}/out"], r"caf\udce9/out"),
    ],
    ids=" ".join,
)
def test_a_place_whose_name_is_not_utf8_is_refused(refusal, settings_file, blobs, tmp_path, arguments, shown):
    settings_file()
    shutil.copytree(blobs, tmp_path / NOT_UTF8)
    shutil.copy(tmp_path / "tiny.yaml", tmp_path / NOT_UTF8)
    assert refusal(*arguments) == f"'{shown}' {SAID_OF_IT}"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "blobs", "--out", ""], "an argument is empty; give a value, or write . for the current folder"),
        (["check", "blobs", "--out="], "--out is empty; give a value, or write . for the current folder"),
        (["init", ""], "an argument is empty; give a value, or write . for the current folder"),
        (
            ["list", "~nosuch/x"],
            "~nosuch/x names a user who is not known here; write ./~nosuch/x for what is called so",
        ),
        (
            ["check", "blobs", "--out", "/proc/x"],
            "out /proc/x cannot be written (No such file or directory); choose another folder",
        ),
        (
            ["serve", "--folder", "tiny.yaml"],
            "HERE/tiny.yaml is a file; give a folder for the server's database and log with --folder",
        ),
    ],
    ids=" ".join,
)
def test_a_place_that_cannot_be_is_refused(refusal, settings_file, blobs, arguments, sentence):
    settings_file()
    assert refusal(*arguments) == sentence


@pytest.mark.parametrize("arguments", [["check", "LONG", "--out", "out"], ["check", "blobs", "--out", "LONG"]])
def test_a_path_that_is_too_long_is_refused_in_few_words(refusal, blobs, arguments):
    sentence = refusal(*("a" * 5000 if argument == "LONG" else argument for argument in arguments))
    assert sentence.endswith("aaaaaa… is longer than a path can be; give another")
    assert len(sentence) < 400


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


def test_another_system_than_linux_is_refused(ended, monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    sentence = "failed: augment-dataset runs on Linux, this is darwin; use a container or a virtual machine\n"
    assert ended(lambda: 0) == (1, sentence)


def test_an_error_that_nobody_foresaw_keeps_its_traceback(monkeypatch):
    def fail(standalone_mode):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(ZeroDivisionError, match=r"^a bug$"):
        command_line.main()


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_a_dry_run_is_there_to_print(refusal, settings_file, option):
    sentence = "--dry-run only prints what would run; leave out --quiet and --json"
    assert refusal("prepare", settings_file(), "--dry-run", option) == sentence
