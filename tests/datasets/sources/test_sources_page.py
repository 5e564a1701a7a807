"""Every example of docs/sources.md is written to a file, read as settings, ingested and scanned."""

import gzip
import io
import pickle
import re
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datasets.image_codec import encode_image
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.sources.registry import ALL_KINDS
from flows.settings import load_settings
from tasks.imaging.operations.resize import ResizeSettings
from tasks.ingest import ingest
from tasks.parallel import ComputeSettings
from tasks.scan import ScanSettings, scan
from tasks.stage_context import StageContext

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sources.md"
EXAMPLES = [yaml.safe_load(text)["source"] for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)]


def example(kind, path=None):
    (found,) = (entry for entry in EXAMPLES if entry["kind"] == kind and path in (None, entry.get("path")))
    return found


def picture(number):
    return np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)


def png(number):
    return encode_image(picture(number), "png")


def write(root, members):
    for number, member in enumerate(members):
        path = root / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return root


@pytest.fixture
def ingested(tmp_path):
    """What becomes of an example: rows after scan, from a settings file in the test's folder."""

    def run(source, **patched):
        file = tmp_path / "settings.yaml"
        file.write_text(yaml.safe_dump({"dataset": "any", "source": source | patched}))
        settings = load_settings(file)
        inputs = {}
        small = ScanSettings(resize=ResizeSettings(width_px=8, height_px=8))
        for name, work, section in (("ingest", ingest, settings.source), ("scan", scan, small)):
            out = tmp_path / "work" / name
            out.mkdir(parents=True)
            context = StageContext(
                dataset="any",
                seed=0,
                inputs=dict(inputs),
                out=out,
                place="",
                shared=tmp_path / "work",
                published=tmp_path / "published",
                recipe="0" * 64,
                compute=ComputeSettings(mode="synchronous"),
            )
            work(section, context)
            inputs[name] = out
        return read_table(inputs["scan"] / MANIFEST_FILE).to_pylist()

    return run


def labels(rows, status="kept"):
    return Counter(row["label"] for row in rows if row["status"] == status)


def test_the_page_has_an_example_of_every_kind():
    assert {entry["kind"] for entry in EXAMPLES} | {"auto"} == set(ALL_KINDS)


def test_folder_per_class(ingested, tmp_path):
    write(tmp_path / "photos", ["cat/1.png", "dog/2.png"])
    rows = ingested(example("folder_per_class", "photos"))
    assert labels(rows) == {"cat": 1, "dog": 1}
    assert {row["licence"] for row in rows} == {"CC-BY-4.0"}


def test_flat_folder(ingested, tmp_path):
    write(tmp_path / "unsorted", ["1.png", "deep/2.png"])
    assert labels(ingested(example("flat_folder"))) == {None: 2}


def test_a_folder_in_an_archive(ingested, tmp_path):
    write(tmp_path / "raw" / "photos", ["cat/1.png", "dog/2.png"])
    write(tmp_path / "raw", ["other/3.png"])
    (tmp_path / "downloads").mkdir()
    with tarfile.open(tmp_path / "downloads" / "photos.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "raw", arcname=".")
    assert labels(ingested(example("folder_per_class", "downloads/photos.tar.gz!/photos"))) == {"cat": 1, "dog": 1}


def test_a_remote_folder(ingested, s3_environment, s3_client):
    s3_client.create_bucket(Bucket="shop")
    for number, key in enumerate(("photos/cat/1.png", "photos/dog/2.png", "other/3.png")):
        s3_client.put_object(Bucket="shop", Key=key, Body=png(number))
    rows = ingested(example("folder_per_class", "s3://shop/photos"))
    assert labels(rows) == {"cat": 1, "dog": 1}
    assert rows[0]["origin"] == "s3://shop/photos/cat/1.png"


def test_label_pattern(ingested, tmp_path):
    write(tmp_path / "scans", ["train/ill/ann_1.png", "val/well/bob_1.png", "test/ill/cid_1.png"])
    rows = ingested(example("label_pattern"))
    found = {(row["source_split"], row["label"], row["group"]) for row in rows}
    assert found == {("train", "ill", "ann"), ("validation", "well", "bob"), ("test", "ill", "cid")}


def test_label_table(ingested, tmp_path):
    write(tmp_path / "pictures", ["1.png", "2.png", "3.png"])
    (tmp_path / "pictures" / "labels.csv").write_text(
        "file,label,photographer,split,licence\n1.png,cat,ann,train,MIT\n2.png,dog,bob,test,CC0-1.0\ngone.png,dog,bob,test,\n"
    )
    rows = {row["member"]: row for row in ingested(example("label_table"))}
    assert {member: row["reason"] for member, row in rows.items()} == {
        "1.png": None,
        "2.png": None,
        "3.png": "not_in_table",
        "gone.png": "missing_file",
        "labels.csv": "label_table",
    }
    dog = rows["2.png"]
    assert (dog["label"], dog["group"], dog["source_split"], dog["licence"]) == ("dog", "bob", "test", "CC0-1.0")


def test_idx(ingested, tmp_path):
    (tmp_path / "fashion").mkdir()
    for prefix, count in (("train", 3), ("t10k", 2)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        head = np.array([0x803, count, 28, 28], ">i4").tobytes()
        (tmp_path / "fashion" / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images.tobytes()))
        head = np.array([0x801, count], ">i4").tobytes()
        (tmp_path / "fashion" / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(head + bytes(range(count))))
    rows = ingested(example("idx"))
    assert labels(rows) == {"t-shirt": 2, "trouser": 2, "pullover": 1}
    assert Counter(row["source_split"] for row in rows) == {"train": 3, "test": 2}


def test_cifar(ingested, tmp_path):
    files = {"batches.meta": {"label_names": ["plane", "car"], "num_cases_per_batch": 2, "num_vis": 3072}}
    for number, name in enumerate(("data_batch_1", "test_batch")):
        pixels = np.random.default_rng(number).integers(0, 256, (2, 3072), dtype=np.uint8)
        files[name] = {b"labels": [0, 1], b"data": pixels}
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            payload = pickle.dumps(content, 2)
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(payload)
            archive.addfile(entry, io.BytesIO(payload))
    rows = ingested(example("cifar"))
    assert labels(rows) == {"plane": 2, "car": 2}
    assert Counter(row["source_split"] for row in rows) == {"train": 2, "test": 2}


def test_image_table(ingested, tmp_path):
    columns = {"image": [png(1), png(2)], "label": ["cat", "dog"], "name": ["a.png", "b.png"]}
    pq.write_table(pa.table(columns), tmp_path / "products.parquet")
    rows = ingested(example("image_table"))
    assert {row["member"]: row["label"] for row in rows} == {"a.png": "cat", "b.png": "dog"}


def test_webdataset(ingested, tmp_path):
    (tmp_path / "shards").mkdir()
    for shard in range(2):
        with tarfile.open(tmp_path / "shards" / f"pets-train-{shard:03}.tar", "w") as archive:
            for name, payload in (("7.png", png(shard)), ("7.cls", str(shard).encode())):
                entry = tarfile.TarInfo(name)
                entry.size = len(payload)
                archive.addfile(entry, io.BytesIO(payload))
    rows = ingested(example("webdataset"))
    assert labels(rows) == {"cat": 1, "dog": 1}
    assert {row["source_split"] for row in rows} == {"train"}


def test_tfds(ingested, tmp_path, build_dataset_in, make_images):
    splits = {"train": make_images(5, (8, 8, 3)), "validation": make_images(3, (8, 8, 3), seed=1)}
    build_dataset_in(tmp_path / "elsewhere", "digits", splits | {"test": make_images(3, (8, 8, 3), seed=2)})
    assert Counter(row["source_split"] for row in ingested(example("tfds"))) == {"train": 5, "test": 3}


def test_public_dataset(ingested, tmp_path, monkeypatch):
    home = tmp_path / "keras" / "datasets" / "fashion-mnist"
    home.mkdir(parents=True)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for prefix, count in (("train", 3), ("t10k", 2)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        head = np.array([0x803, count, 28, 28], ">i4").tobytes()
        (home / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images.tobytes()))
        head = np.array([0x801, count], ">i4").tobytes()
        (home / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(head + bytes(range(count))))
    rows = ingested(example("public_dataset"))
    assert Counter(row["source_split"] for row in rows) == {"train": 3, "test": 2}


def test_url_list(ingested, tmp_path, server):
    server.answers["/cat.png"] = lambda handler: handler.send(png(1), content_type="image/png")
    server.answers["/gone.png"] = lambda handler: handler.send(b"", status=404)
    lines = ["url,label,caption", f"{server.url('/cat.png')},cat,a cat", f"{server.url('/gone.png')},dog,a dog"]
    (tmp_path / "addresses.csv").write_text("\n".join(lines) + "\n")
    # The example forbids private networks, as it should; the server of the test is in one.
    rows = ingested(example("url_list"), allowed_private_networks=["127.0.0.0/8"])
    assert [(row["label"], row["caption"], row["reason"]) for row in rows] == [
        ("cat", "a cat", None),
        ("dog", "a dog", "download_failed"),
    ]
    assert server.headers["/cat.png"]["user-agent"] == "pet-faces/1.0 (research; mail@example.org)"


def test_mixed(ingested, tmp_path):
    write(tmp_path / "photos", [f"cat/{number}.png" for number in range(6)])
    write(tmp_path / "pictures", ["1.png", "2.png", "3.png"])
    (tmp_path / "pictures" / "labels.csv").write_text("file,label\n1.png,kitten\n2.png,dog\n3.png,blurred\n")
    write(tmp_path / "unsorted", ["1.png", "2.png"])
    rows = ingested(example("mixed"))
    kept = Counter(row["source"] for row in rows if row["status"] == "kept")
    assert kept == {"studio": 4, "street": 2, "rest": 1}
    assert labels([row for row in rows if row["source"] == "street"]) == {"cat": 1, "dog": 1}
    reasons = Counter(row["reason"] for row in rows if row["status"] == "unselected")
    assert reasons == {"over_limit": 3, "label_left_out": 1, "label_table": 1}


def test_a_zip_is_a_folder_too(ingested, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos", "w") as archive:
        archive.writestr("cat/1.png", png(1))
    assert labels(ingested(example("folder_per_class", "photos"))) == {"cat": 1}
