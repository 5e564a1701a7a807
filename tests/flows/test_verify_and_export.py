"""`augment-dataset verify` and `export` as they are called, and the commands and the Python of docs/export.md."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.tfrecord import record_offsets
from flows.command_line import app
from tests.tasks.tiny_versions import SPLITS, tiny

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^augment-dataset ([^#\n]+)", PAGE, flags=re.MULTILINE)
TRAIN = "photos-train.tfrecord-00000-of-00003"
RECORDS = sum(SPLITS.values())


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A published version, in the folder that commands are called in."""
    monkeypatch.chdir(tmp_path)
    return tiny(name="photos").write(tmp_path / "published" / "photos" / "1.0.0")


def damage(folder):
    offsets, _ = record_offsets(folder / TRAIN)
    content = bytearray((folder / TRAIN).read_bytes())
    content[offsets[1] + 40] ^= 1
    (folder / TRAIN).write_bytes(bytes(content))
    return offsets[1] - 12


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_an_intact_version(photos):
    done = invoke("verify", "published/photos")
    assert done.exit_code == 0
    assert done.stdout == f"published/photos/1.0.0: photos 1.0.0, 6 shards, {RECORDS} records, 0.0 MiB: intact\n"


def test_a_damaged_version_gives_code_1_and_names_shard_and_record(photos):
    begin = damage(photos)
    done = invoke("verify", "published/photos")
    assert done.exit_code == 1
    head, *lines = done.stdout.splitlines()
    assert head.endswith("DAMAGED (1 changed_file, 1 damaged_record, 1 not_in_shards)")
    assert lines == [
        f"  {TRAIN}: it does not have the sha256 that index.json says",
        f"  shard {TRAIN}, record 1: it does not have its checksum (at byte {begin})",
        "  manifest.parquet: the row of source/1.png#0 is in use, but no readable record has its id",
    ]


def test_more_than_is_shown_is_counted(photos):
    (photos / TRAIN).unlink()
    done = invoke("verify", "published/photos", "--show", 2)
    assert done.stdout.splitlines()[-1] == "  and 4 more of this kind (not_in_shards)"


def test_json_for_machines(photos):
    damage(photos)
    done = invoke("verify", "published/photos", "--json")
    record = json.loads(done.stdout)
    (version,) = record["versions"]
    assert (done.exit_code, record["intact"], version["intact"]) == (1, False, False)
    assert version["counts"] == {"changed_file": 1, "damaged_record": 1, "not_in_shards": 1}
    assert [(fault["kind"], fault["record"]) for fault in version["faults"]][1] == ("damaged_record", 1)


def test_a_path_that_is_no_data_set_gives_code_2(run_command):
    done = run_command("verify", "gone")
    sentence = "bad input: gone: no such folder; give <name>/ or <name>/<x.y.z>/ of a published data set\n"
    assert (done.returncode, done.stderr) == (2, sentence)


def test_neither_imports_tensorflow_or_prefect(photos):
    for arguments in (["verify", "published/photos"], ["export", "published/photos", "--out", "out"]):
        code = f"import sys\nfrom flows.command_line import app\napp({arguments}, standalone_mode=False)\n"
        code += "print(sorted({'tensorflow', 'prefect', 'sklearn', 'matplotlib'} & set(sys.modules)))"
        done = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_of_the_page_work(photos, line):
    done = invoke(*line.split())
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(("published/photos/1.0.0: photos 1.0.0", "wrote ", "{"))


def test_the_python_of_the_page_works(photos, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(code, "docs/export.md", "exec"), {})
    assert re.fullmatch(r"\(8, 6, 3\) uint8 (cat|dog|eel) source/\d+\.png#0\n", capsys.readouterr().out)


def test_an_export_says_what_it_wrote(photos):
    done = invoke("export", "published/photos", "--out", "out", "--format", "webdataset")
    shown = "14 train, 4 validation, 3 test, 5 train_augmented"
    assert done.stdout == f"wrote {RECORDS} images ({shown}) as webdataset into out\n"


@pytest.mark.parametrize("command", ["verify", "export"])
def test_the_help_has_an_example(command):
    shown = CliRunner().invoke(app, [command, "--help"])
    assert f"Example: augment-dataset {command} " in " ".join(shown.stdout.split())
