"""The same images in any packing give the same manifest: bytes, labels, verdicts, measures and prepared pixels."""

import csv
import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.image_codec import encode_image
from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, read_table, with_columns
from datasets.sources import source_settings
from tests.tasks.conftest import Workbench, make_blob

NAME = "photos"
PER_CLASS = 6


def tiny_set():
    """{path: bytes}: images of two formats, copies, damage, and names that are easily got wrong."""
    images = {
        f"{label}/{number:02}.png": encode_image(make_blob(0, number), "png") for label in "ab" for number in (1, 2)
    }
    colours = np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    jpeg = encode_image(colours, "jpeg")
    return images | {
        "a/cut.jpg": jpeg[:-100],
        "a/empty.png": b"",
        "a/no image.png": b"hello",
        "b/copy.jpg": jpeg,
        "b/größe 😀.jpg": jpeg,
        "b/ends wrong.png": jpeg,
        "b c/1.png": encode_image(colours, "png"),
    }


def real_photographs():
    """{path: bytes}: six of each of ten classes."""
    data = os.environ.get("AUGMENT_DATASET_TEST_DATA")
    if data is None:
        pytest.skip("AUGMENT_DATASET_TEST_DATA is not set")
    folders = sorted((Path(data) / "clothing" / "train").iterdir())
    chosen = [path for folder in folders for path in sorted(folder.iterdir())[:PER_CLASS]]
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in chosen}


class Photos:
    """Images in a folder per class, and their manifest; what the other packings are compared with."""

    def __init__(self, base, images):
        self.base = base
        self.folder = base / "folders"
        for member, payload in images.items():
            path = self.folder / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(payload)
        self.tables = scanned(base / "reference", kind="folder_per_class", path=self.folder)
        members = self.tables[0]["member"].to_pylist()
        self.images = {member: images[member] for member in members}  # in the order of the listing

    @property
    def labels(self):
        return {member: member.partition("/")[0] for member in self.images}


@pytest.fixture(scope="module", params=[tiny_set, real_photographs], ids=["tiny", "photographs"])
def photos(request, tmp_path_factory):
    return Photos(tmp_path_factory.mktemp("photos"), request.param())


def scanned(base, **settings):
    """Manifest and findings after scan, in a workspace of its own, without origins."""
    workbench = Workbench(base)
    workbench.prepare(base, until="scan", source=source_settings(name=NAME, **settings))
    folder = workbench.outputs["scan"]
    return read_table(folder / MANIFEST_FILE).drop_columns(["origin"]), read_table(folder / FINDINGS_FILE)


def assert_same(found, expected):
    for table, wanted in zip(found, expected, strict=True):
        assert table.to_pylist() == wanted.to_pylist()


def make_tar(path, members, mode):
    with tarfile.open(path, mode) as archive:
        for name, payload in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(payload)
            archive.addfile(header, io.BytesIO(payload))
    return path


def make_zip(path, members, compression):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, payload in members.items():
            archive.writestr(name, payload)
    return path


def write_labels(path, labels):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "label"), *labels.items()])
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_a_zip(photos, tmp_path, compression):
    path = make_zip(tmp_path / "any.zip", photos.images, compression)
    assert_same(scanned(tmp_path / "bench", path=path), photos.tables)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar(photos, tmp_path, mode):
    path = make_tar(tmp_path / "any.tar", photos.images, mode)
    assert_same(scanned(tmp_path / "bench", path=path), photos.tables)


def test_a_folder_deep_in_an_archive(photos, tmp_path):
    members = {f"data/v1/{member}": payload for member, payload in photos.images.items()} | {"README": b"hello"}
    path = make_zip(tmp_path / "any.zip", members, zipfile.ZIP_DEFLATED)
    assert_same(scanned(tmp_path / "bench", path=f"{path}!/data/v1"), photos.tables)


def test_a_pattern(photos, tmp_path):
    found = scanned(tmp_path / "bench", kind="label_pattern", path=photos.folder, pattern="{label}/*")
    assert_same(found, photos.tables)


def test_a_table_of_labels_beside_the_folders(photos, tmp_path):
    table = write_labels(tmp_path / "labels.csv", photos.labels)
    found = scanned(tmp_path / "bench", kind="label_table", path=photos.folder, table=str(table))
    assert_same(found, photos.tables)


def test_one_flat_folder_and_a_table_of_labels(photos, tmp_path):
    flat = {f"{number:03}{Path(member).suffix}": member for number, member in enumerate(photos.images)}
    folder = tmp_path / "flat"
    folder.mkdir()
    for name, member in flat.items():
        (folder / name).write_bytes(photos.images[member])
    table = write_labels(tmp_path / "labels.csv", {name: photos.labels[member] for name, member in flat.items()})
    manifest, _ = scanned(tmp_path / "bench", kind="label_table", path=folder, table=str(table))
    renamed = [row | {"member": flat[row["member"]]} for row in manifest.to_pylist()]
    assert renamed == photos.tables[0].to_pylist()


def test_a_parquet_table_with_names(photos, tmp_path):
    columns = {
        "image": list(photos.images.values()),
        "label": list(photos.labels.values()),
        "name": list(photos.images),
    }
    pq.write_table(pa.table(columns), tmp_path / "photos.parquet", row_group_size=7)
    found = scanned(tmp_path / "bench", kind="image_table", path=tmp_path / "photos.parquet", name_column="name")
    assert_same(found, photos.tables)


def test_shards_of_samples_but_for_their_names(photos, tmp_path):
    samples = [
        {member: payload, f"{member.rpartition('.')[0]}.cls": photos.labels[member].encode()}
        for member, payload in photos.images.items()
    ]
    half = len(samples) // 2
    for number, some in enumerate((samples[:half], samples[half:])):
        make_tar(tmp_path / f"shard-{number}.tar", {name: sample[name] for sample in some for name in sample}, "w")
    manifest, findings = scanned(tmp_path / "bench", kind="webdataset", path=tmp_path / "shard-{0..1}.tar")
    assert_same((without_shard(manifest), without_shard(findings)), photos.tables)


def without_shard(table):
    members = [member.partition("/")[2] for member in table["member"].to_pylist()]
    return with_columns(table, member=members)


def test_objects_in_a_bucket(photos, tmp_path, s3_bucket):
    for member, payload in photos.images.items():
        s3_bucket.put(f"data/v1/{member}", payload)
    found = scanned(tmp_path / "bench", kind="folder_per_class", path=f"{s3_bucket.url}/data/v1")
    assert_same(found, photos.tables)


def test_what_is_compared_is_complete(photos):
    manifest, findings = photos.tables
    rows = manifest.to_pylist()
    digests = {member: hashlib.sha256(payload).hexdigest() for member, payload in photos.images.items()}
    assert {row["member"]: row["sha256"] for row in rows} == digests
    assert {row["member"]: row["label"] for row in rows} == photos.labels
    rejected = {row["member"] for row in rows if row["status"] == "rejected"}
    assert rejected == {row["member"] for row in findings.to_pylist() if row["severity"] == "reject"}
    assert all(row["pixel_sha256"] and row["length"] for row in rows if row["member"] not in rejected)
