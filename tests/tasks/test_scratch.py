"""Temporary folders of real processes: ended, running and killed ones."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from datasets.errors import BadInput
from tasks.scratch import PREFIX, scratch_folder

ROOT = Path(__file__).resolve().parent.parent.parent
HOLDER = """
from tasks.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "kept aside").write_bytes(b"1")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def base(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder():
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.folder = Path(process.stdout.readline().strip())
        yield process
        process.kill()


def test_a_folder_goes_at_the_end_with_all_that_lies_in_it(base):
    with scratch_folder() as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_bytes(b"1")
        assert folder.parent == base
    assert list(base.iterdir()) == []


def test_a_folder_goes_where_the_work_failed(base):
    with pytest.raises(ValueError, match=r"^failed$"), scratch_folder():
        raise ValueError("failed")
    assert list(base.iterdir()) == []


def test_a_running_process_keeps_its_folder(holder):
    with scratch_folder():
        assert (holder.folder / "kept aside").exists()


def test_the_folder_of_a_killed_process_goes_with_the_next(holder):
    holder.kill()
    holder.wait()
    assert (holder.folder / "kept aside").exists()
    with scratch_folder():
        assert not holder.folder.exists()


def test_links_and_files_with_such_a_name_are_left_alone(base, tmp_path_factory):
    mine = tmp_path_factory.mktemp("mine")
    (base / f"{PREFIX}link").symlink_to(mine)
    (base / f"{PREFIX}file").write_bytes(b"1")
    with scratch_folder():
        pass
    assert mine.exists()
    assert sorted(path.name for path in base.iterdir()) == [f"{PREFIX}file", f"{PREFIX}link"]


def test_want_of_a_temporary_folder_is_told(base, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(base / "none"))
    sentence = f"no temporary folder can be made ([Errno 2] No such file or directory: '{base / 'none'}/"
    with (
        pytest.raises(BadInput, match=f"^{re.escape(sentence)}.*; set TMPDIR to a folder with room$"),
        scratch_folder(),
    ):
        pass
