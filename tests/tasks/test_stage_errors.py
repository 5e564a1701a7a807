"""What people are told where the machine is at fault; full disks and their runs are in tests/faults."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from datasets.errors import OutOfMemory, PlaceFailed
from tasks.stage_errors import told

OUT = Path("/work/scan/1.partial")


def sentence(error):
    return str(told(error, "scan", OUT))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_disk_that_takes_no_more_is_named(number):
    error = told(OSError(number, os.strerror(number), "/work/pack-1"), "scan", OUT)
    assert isinstance(error, PlaceFailed)
    assert str(error) == (
        f"scan stopped: /work/pack-1 cannot be written ({os.strerror(number).lower()}); make room, then run again: "
        "what is finished is kept"
    )


def test_a_write_that_names_no_file_is_told_by_the_folder_of_the_stage():
    assert sentence(OSError(errno.ENOSPC, "No space left on device")).startswith(f"scan stopped: {OUT} cannot be")


def test_a_database_without_room_is_told_alike():
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as caught:
        database.execute("CREATE TABLE a (b)")
    database.close()
    assert f"{OUT} cannot be written (database or disk is full)" in sentence(caught.value)


def test_want_of_memory_is_told_by_what_can_be_done():
    assert isinstance(told(MemoryError(), "scan", OUT), OutOfMemory)
    assert sentence(MemoryError()) == (
        "scan stopped: it ran out of memory; end other programs, or set compute.workers lower, then run again: what is "
        "finished is kept"
    )


def test_other_errors_stay_as_they_are():
    for error in (FileNotFoundError(errno.ENOENT, "No such file"), ValueError("a bug"), sqlite3.OperationalError("x")):
        assert told(error, "scan", OUT) is error
