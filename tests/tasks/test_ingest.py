import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.sources import source_settings
from tasks import ingest as ingest_module
from tasks import listing_cache
from tasks.ingest import ingest, listing_digest, listing_holds_still
from tasks.scan import ScanSettings, holds_still


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

    monkeypatch.setattr(ingest_module.hashlib, "sha256", counting)
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
    settings = source_settings(path=class_folders)
    before = listing_digest(settings, workbench.context("ingest"))
    path = class_folders / "left" / "00.png"
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, (1, 1))
    after = listing_digest(settings, workbench.context("ingest"))
    assert before["source"]["files"] == after["source"]["files"] == 40
    assert before["source"]["listing"] != after["source"]["listing"]


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


def test_a_distrusted_listing_says_what_had_changed(workbench, class_folders):
    path = class_folders / "left" / "00.png"
    workbench.prepare(class_folders, until="ingest")
    times = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    listing_cache.forget_listing(workbench.shared)
    summary = workbench.prepare(class_folders, until="ingest")
    assert (summary["changed"], summary["changed_examples"]) == (1, ("source/left/00.png",))
    assert workbench.prepare(class_folders, until="ingest")["changed"] == 0


def test_a_file_changed_behind_its_size_and_time_is_noticed_when_it_is_decoded(workbench, class_folders):
    path = class_folders / "left" / "00.png"
    workbench.prepare(class_folders, until="ingest")
    times = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    workbench.prepare(class_folders, until="scan")
    scanned, context = workbench.outputs["scan"], workbench.context("ingest")
    settings = source_settings(path=class_folders)
    assert holds_still(ScanSettings(), context, scanned) == "1 files changed or vanished before they were read"
    assert listing_holds_still(settings, context, scanned) == "1 files were found to hold other bytes than listed"
    assert workbench.prepare(class_folders, until="scan")["rejected"] == {"not_an_image": 1}
    assert rows(workbench)["left/00.png"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert listing_holds_still(settings, context, scanned) is None


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


KILLED = """
import sys, time
from pathlib import Path
from datasets.sources import files, registry, source_settings
from tasks import ingest
from tasks.parallel import ComputeSettings
from tasks.stage_context import StageContext

class Stopping(files.FolderPerClass):
    def read(self, member):
        print(member, flush=True)
        if member == sys.argv[3]:
            time.sleep(600)
        return files.Files.read(self, member)

files.FolderPerClass, ingest.CHUNK_ITEMS = Stopping, 10
folder, shared = map(Path, sys.argv[1:3])
ingest.ingest(
    source_settings(path=folder, kind="folder_per_class"),
    StageContext(
        dataset="tiny", seed=0, inputs={}, out=shared / "killed", place="killed", shared=shared, published=shared,
        recipe="0" * 64, compute=ComputeSettings(mode="synchronous"),
    ),
)
"""


def test_what_a_killed_ingest_hashed_is_not_read_again(workbench, class_folders, reads):
    (workbench.shared / "killed").mkdir()
    arguments = [str(class_folders), str(workbench.shared), "right/05.png"]
    with subprocess.Popen([sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, text=True) as child:
        read = [child.stdout.readline().strip() for _ in range(26)]
        child.kill()
    assert (child.returncode, read[-1]) == (-signal.SIGKILL, "right/05.png")
    assert not (workbench.shared / "killed" / MANIFEST_FILE).exists()
    settings = source_settings(path=class_folders, kind="folder_per_class")
    summary = workbench.run("ingest", ingest, settings)
    assert (summary["images_out"], summary["new"]) == (40, 40)
    assert reads == [f"right/{number:02}.png" for number in range(20)]


def test_an_empty_folder_is_bad_input(workbench, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(BadInput, match=f"^{re.escape(str(folder))}"):
        workbench.run("ingest", ingest, source_settings(path=folder))
