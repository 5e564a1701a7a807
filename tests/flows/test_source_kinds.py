"""`sources`, and `init`, `check` and `--dry-run` on what is no folder of images: archives and IDX files."""

import struct
import tarfile
import zipfile

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasets.image_codec import decode_image
from datasets.sources import source_settings
from datasets.sources.registry import ALL_KINDS, KINDS
from flows.settings import load_settings
from flows.source_kinds import own_fields

PER_CLASS = 6


@pytest.fixture
def zipped(tmp_path, blob):
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(PER_CLASS):
            archive.writestr(f"a/{number}.png", blob(0, number))
            archive.writestr(f"b/{number}.png", blob(1, number))
    return tmp_path / "zipped.zip"


@pytest.fixture
def packed(tmp_path, write_blobs):
    folder = write_blobs(tmp_path / "unpacked", classes=2, per_class=PER_CLASS)
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as archive:
        for name in "ab":
            archive.add(folder / name, name)
    return tmp_path / "packed.tar.gz"


@pytest.fixture
def idx(tmp_path, blob):
    folder = tmp_path / "idx"
    folder.mkdir()
    images = np.stack([decode_image(blob(number % 2, number))[:, :, 0] for number in range(2 * PER_CLASS)])
    labels = np.arange(2 * PER_CLASS, dtype=np.uint8) % 2
    for name, array in (("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)):
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / name).write_bytes(head + array.tobytes())
    return folder


def test_all_kinds_are_listed_with_what_they_read_and_need(run_command):
    done = run_command("sources")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line]
    assert [name for name, *_ in rows if name] == list(ALL_KINDS)
    read = " ".join(text for _, text, _ in rows)
    assert all(kind.reads in read for kind in KINDS.values())
    assert done.stdout.splitlines()[-3:] == [
        "Those marked with * have to be given.",
        "Every one but mixed also takes name, licence, labels, split_words, limit, weight.",
        "docs/sources.md has settings to copy for each.",
    ]


def test_what_has_to_be_given_comes_first_and_is_marked():
    assert own_fields(KINDS["label_table"].settings)[:3] == ["path*", "table*", "storage_options"]


@pytest.mark.parametrize(
    ("name", "kind"), [("zipped", "folder_per_class"), ("packed", "folder_per_class"), ("idx", "idx")]
)
def test_init_writes_down_what_it_found(run_command, request, tmp_path, name, kind):
    path = request.getfixturevalue(name)
    before = set(tmp_path.rglob("*"))
    done = run_command("init", path.name)
    assert (done.returncode, done.stderr) == (0, "")
    settings = load_settings(tmp_path / f"{name}.yaml")
    assert settings.dataset == name
    assert settings.source == source_settings(kind=kind, path=path)
    assert (settings.scan.channels, settings.scan.resize.width_px, settings.scan.encoding) == (1, 16, "png")
    assert set(tmp_path.rglob("*")) - before == {tmp_path / f"{name}.yaml"}


def test_check_reads_a_compressed_archive(run_command, packed, tmp_path):
    done = run_command("check", packed.name, "--out", "out", "--fail-on", "any", "--workers", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-6:-4] == ["No findings.", f"{2 * PER_CLASS} kept"]
    rows = pq.read_table(tmp_path / "out" / "manifest.parquet", columns=["path", "label", "status"]).to_pylist()
    members = {f"{label}/{number:02}.png": label for label in "ab" for number in range(PER_CLASS)}
    assert {row["path"]: row["label"] for row in rows} == members


def test_a_dry_run_says_what_is_to_be_fetched_and_fetches_nothing(run_command, packed, zipped, tmp_path):
    (tmp_path / "pets.yaml").write_text(
        f"dataset: pets\nsource: {{kind: mixed, sources: [{{path: {packed}}}, {{path: {zipped}}}]}}\n"
    )
    done = run_command("prepare", "pets.yaml", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Not counted, because it is still to be fetched: packed."
    assert not (tmp_path / "workspace").exists()
