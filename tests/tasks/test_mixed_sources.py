"""Several sources as one data set: keys, labels, shares, what has to be fetched, and copies between them."""

import hashlib
import io
import re
import struct
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.errors import BadInput
from datasets.image_codec import decode_image, encode_image
from datasets.manifest import MANIFEST_FILE, key_text, read_table
from datasets.pixel_packs import PackReader
from datasets.sources import source_settings
from tasks.ingest import ingest, listing_digest, listing_holds_still


def rows(workbench, stage="curate"):
    return read_table(workbench.outputs[stage] / MANIFEST_FILE).to_pylist()


def prepare(workbench, settings, until):
    return workbench.prepare(workbench.base, until=until, source=settings)


def mixed(*sources):
    return source_settings(kind="mixed", sources=list(sources))


@pytest.fixture
def payload(blob_image):
    """payload(class_id, number) -> PNG, of none of the images in `class_folders`."""
    return lambda class_id, number: encode_image(blob_image(class_id, 100 + number), "png")


@pytest.fixture
def zipped(tmp_path, payload):
    path = tmp_path / "Zipped Pets.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(6):
            archive.writestr(f"cat/{number}.png", payload(0, number))
    return path


@pytest.fixture
def table(tmp_path, payload):
    path = tmp_path / "table.parquet"
    images = [payload(1, number) for number in range(6)]
    pq.write_table(pa.table({"image": images, "label": ["dog"] * 6}), path)
    return path


def packed_samples(path, payload):
    with tarfile.open(path, "w:gz") as archive:
        for number in range(4):
            for name, content in ((f"{number}.png", payload(2, number)), (f"{number}.cls", b"bird")):
                header = tarfile.TarInfo(name)
                header.size = len(content)
                archive.addfile(header, io.BytesIO(content))
    return path


def test_every_source_gives_its_images_under_its_name(workbench, class_folders, zipped, table):
    settings = mixed({"path": class_folders, "name": "photos"}, {"path": zipped}, {"path": table, "licence": "MIT"})
    summary = prepare(workbench, settings, "curate")
    found = rows(workbench)
    keys = {key_text(row) for row in found}
    assert summary["images_in"] == len(keys) == 52
    assert {"photos/left/00.png#0", "zipped_pets/cat/5.png#0", "table/table.parquet/00000003#0"} <= keys
    assert {(row["source"], row["label"]) for row in found} == {
        ("photos", "left"),
        ("photos", "right"),
        ("zipped_pets", "cat"),
        ("table", "dog"),
    }
    assert {row["licence"] for row in found if row["source"] != "table"} == {None}
    assert {row["licence"] for row in found if row["source"] == "table"} == {"MIT"}
    assert {row["status"] for row in found if row["source"] == "table"} == {"kept"}


def test_members_of_one_name_in_two_sources_are_two_images(workbench, write_images, blob_image):
    folders = [write_images({"a/1.png": blob_image(0, number)}, f"pets{number}") for number in range(2)]
    prepare(workbench, mixed(*({"path": folder} for folder in folders)), "scan")
    found = rows(workbench, "scan")
    assert [(row["source"], row["member"]) for row in found] == [("pets0", "a/1.png"), ("pets1", "a/1.png")]
    assert found[0]["sha256"] != found[1]["sha256"]


def test_a_copy_in_another_source_is_decoded_once_and_rejected_there(workbench, class_folders, write_images):
    copy = write_images({"left/copy.png": (class_folders / "left" / "00.png").read_bytes()}, "copies")
    prepare(workbench, mixed({"path": class_folders}, {"path": copy}), "curate")
    (row,) = [row for row in rows(workbench) if row["source"] == "copies"]
    assert (row["status"], row["reason"]) == ("rejected", "duplicate_exact")


def test_labels_of_different_sources_can_be_made_one(workbench, class_folders, zipped):
    settings = mixed({"path": class_folders, "labels": {"left": "cat", "right": None}}, {"path": zipped})
    prepare(workbench, settings, "scan")
    kept = [row["label"] for row in rows(workbench, "scan") if row["status"] == "kept"]
    assert kept == ["cat"] * 26
    left_out = [row for row in rows(workbench, "scan") if row["status"] == "unselected"]
    assert {(row["reason"], row["sha256"], row["format"]) for row in left_out} == {("label_left_out", None, None)}


def test_weights_cut_what_is_too_much_and_it_is_never_read(workbench, class_folders, zipped):
    settings = mixed({"path": class_folders, "weight": 1}, {"path": zipped, "weight": 2})
    summary = prepare(workbench, settings, "scan")
    assert (summary["images_in"], summary["images_out"], summary["rejected"]) == (46, 9, {"over_limit": 37})
    assert summary["decoded_now"] == 9


def test_a_limit_that_is_raised_reads_only_what_comes_in(workbench, class_folders):
    def with_limit(limit):
        return prepare(workbench, source_settings(path=class_folders, limit=limit), "scan")

    assert with_limit(10)["decoded_now"] == 10
    assert with_limit(14)["decoded_now"] == 4
    summary = workbench.run("ingest", ingest, source_settings(path=class_folders, limit=20))
    assert (summary["new"], summary["changed"], summary["gone"]) == (0, 0, 0)


@pytest.mark.parametrize("names", [(None, None), ("pets", "pets"), (None, "left")])
def test_two_sources_of_one_name_are_refused(workbench, class_folders, tmp_path, names):
    other = tmp_path / "elsewhere" / "left"
    other.mkdir(parents=True)
    (other / "1.png").write_bytes(b"x")
    settings = mixed(
        *({"path": path, "name": name} for path, name in zip((class_folders / "left", other), names, strict=True))
    )
    name = names[0] or "left"
    sentence = f"two sources are named {name}; give each a name of its own (source.sources, name)"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        workbench.run("ingest", ingest, settings)


def test_what_has_to_be_fetched_is_fetched_first_whatever_it_turns_out_to_be(workbench, tmp_path, payload, zipped):
    settings = mixed({"path": packed_samples(tmp_path / "birds.tar.gz", payload)}, {"path": zipped})
    context = workbench.context("ingest")
    assert listing_holds_still(settings, context, context.out) == "birds is to be fetched"
    prepare(workbench, settings, "scan")
    birds = [row for row in rows(workbench, "scan") if row["source"] == "birds"]
    assert [(row["member"], row["label"], row["status"]) for row in birds] == [
        (f"birds/{number}.png", "bird", "kept") for number in range(4)
    ]
    assert listing_holds_still(settings, context, workbench.outputs["ingest"]) is None


def test_a_container_is_not_listed_to_see_whether_it_changed(workbench, zipped, class_folders):
    digests = listing_digest(mixed({"path": zipped}, {"path": class_folders}), workbench.context("ingest"))
    assert {name: sorted(digest) for name, digest in digests.items()} == {
        "zipped_pets": ["listing"],
        "source": ["files", "listing"],
    }


def test_raw_arrays_keep_every_pixel_label_and_split(workbench, tmp_path, blob_image):
    folder = tmp_path / "idx"
    folder.mkdir()
    images = np.stack([blob_image(number % 2, number)[:, :, 0] for number in range(12)])
    for name, array in (("t10k-images-idx3-ubyte", images), ("t10k-labels-idx1-ubyte", np.arange(12, dtype=np.uint8))):
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / name).write_bytes(head + array.tobytes())
    prepare(workbench, source_settings(path=folder), "scan")
    found = rows(workbench, "scan")
    assert [(row["format"], row["label"], row["source_split"]) for row in found] == [
        ("pnm", str(number), "test") for number in range(12)
    ]
    with PackReader(workbench.shared) as packs:
        payloads = [packs.read(row["pack"], row["offset"], row["length"]) for row in found]
    assert np.array_equal(np.stack([decode_image(payload)[:, :, 0] for payload in payloads]), images)


def test_another_column_of_the_same_table_is_read_anew(workbench, tmp_path, payload):
    path = tmp_path / "table.parquet"
    columns = {name: [payload(index, number) for number in range(3)] for index, name in enumerate(("front", "back"))}
    pq.write_table(pa.table(columns), path)
    for column in ("front", "back"):
        settings = source_settings(kind="image_table", path=path, image_column=column)
        prepare(workbench, settings, "scan")
        found = {row["sha256"] for row in rows(workbench, "scan")}
        assert found == {hashlib.sha256(image).hexdigest() for image in columns[column]}
