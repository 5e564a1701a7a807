import hashlib
import os
import re
import shutil

import pytest

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.sources.settings import SourceSettings
from tasks import listing_cache
from tasks.ingest import ingest, listing_digest


def rows(workbench):
    return {row["member"]: row for row in read_table(workbench.outputs["ingest"] / MANIFEST_FILE).to_pylist()}


def test_every_file_has_a_row_with_its_digest_label_and_licence(workbench, class_folders):
    (class_folders / "left" / "notes.txt").write_text("no image")
    summary = workbench.prepare(class_folders, until="ingest")
    found = rows(workbench)
    assert summary["images_in"] == len(found) == 41
    row = found["left/00.png"]
    assert row["sha256"] == hashlib.sha256((class_folders / "left" / "00.png").read_bytes()).hexdigest()
    assert (row["label"], row["licence"], row["status"]) == ("left", "CC0-1.0", "kept")


def test_a_file_that_cannot_be_read_is_a_rejected_row(workbench, class_folders):
    (class_folders / "left" / "gone.png").symlink_to("nowhere.png")
    workbench.prepare(class_folders, until="ingest")
    row = rows(workbench)["left/gone.png"]
    assert (row["status"], row["reason"], row["sha256"]) == ("rejected", "broken_link", None)


def test_only_new_and_changed_files_are_read_again(workbench, class_folders, monkeypatch):
    workbench.prepare(class_folders, until="ingest")
    (class_folders / "left" / "new.png").write_bytes((class_folders / "right" / "00.png").read_bytes())
    changed = class_folders / "left" / "01.png"
    changed.write_bytes(changed.read_bytes() + b"more")
    (class_folders / "left" / "02.png").unlink()
    hashed = []
    original = hashlib.sha256

    def counting(payload):
        hashed.append(len(payload))
        return original(payload)

    monkeypatch.setattr(listing_cache.hashlib, "sha256", counting)
    summary = workbench.prepare(class_folders, until="ingest")
    assert (summary["new"], summary["changed"], summary["gone"]) == (1, 1, 1)
    assert len(hashed) == 2


def test_the_manifest_does_not_depend_on_times(workbench, class_folders):
    workbench.prepare(class_folders, until="ingest")
    before = (workbench.outputs["ingest"] / MANIFEST_FILE).read_bytes()
    for path in class_folders.rglob("*.png"):
        os.utime(path, (1, 1))
    workbench.prepare(class_folders, until="ingest")
    assert (workbench.outputs["ingest"] / MANIFEST_FILE).read_bytes() == before


def test_the_listing_digest_sees_a_file_that_changed_under_its_name(workbench, class_folders):
    settings = SourceSettings(path=class_folders)
    before = listing_digest(settings, workbench.context("ingest"))
    path = class_folders / "left" / "00.png"
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, (1, 1))
    after = listing_digest(settings, workbench.context("ingest"))
    assert before["files"] == after["files"] == 40
    assert before["listing"] != after["listing"]


def test_a_file_changed_behind_its_size_and_time_is_seen_only_when_the_listing_is_distrusted(workbench, class_folders):
    path = class_folders / "left" / "00.png"
    workbench.prepare(class_folders, until="ingest")
    before = rows(workbench)["left/00.png"]["sha256"]
    times = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    workbench.prepare(class_folders, until="ingest")
    assert rows(workbench)["left/00.png"]["sha256"] == before
    listing_cache.forget_listing(workbench.shared)
    workbench.prepare(class_folders, until="ingest")
    assert rows(workbench)["left/00.png"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_listing_of_another_folder_of_the_same_name_is_not_used(workbench, class_folders, tmp_path):
    workbench.prepare(class_folders, until="ingest")
    other = tmp_path / "elsewhere" / class_folders.name
    shutil.copytree(class_folders, other)
    path = other / "left" / "00.png"
    times = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    workbench.prepare(other, until="ingest")
    assert rows(workbench)["left/00.png"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_damaged_listing_cache_costs_time_only(workbench, class_folders):
    first = workbench.prepare(class_folders, until="ingest")
    (workbench.shared / listing_cache.LISTING_FILE).write_bytes(b"damaged")
    again = workbench.prepare(class_folders, until="ingest")
    assert again["images_out"] == first["images_out"]


def test_an_empty_folder_is_bad_input(workbench, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(BadInput, match=f"^{re.escape(str(folder))}"):
        workbench.run("ingest", ingest, SourceSettings(path=folder))
