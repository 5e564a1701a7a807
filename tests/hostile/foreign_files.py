"""Readers of files that others made: images, archives, batches of CIFAR, IDX, tables, lists of URLs, settings."""

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from datasets.sources.arrays.cifar_batches import binary_batch, names_of_pickle, python_batch
from datasets.sources.arrays.idx_file import labels_of, open_idx_file, pixels_at
from datasets.sources.downloads.url_rows import UrlRows
from datasets.sources.downloads.urls import UnsafeUrl, WebUrl
from datasets.sources.tables.text_tables import open_table
from datasets.sources.trees.opening import open_tree
from flows.settings import load_settings
from tasks.curation.overrides import read_overrides
from tasks.imaging.decode import decode, decode_frames
from tests.hostile.mutations import mutated_image, mutated_yaml
from tests.hostile.reader import Reader, exhausted, in_file

MOST_TORTURE_BYTES = 24 << 10
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "TGA", "AVIF")
SETTINGS = """\
dataset: photos
seed: 3
source: {kind: folder_per_class, path: photos, labels: {cat: tiger}}
scan: {encoding: png, after_resize: [{kind: denoise, method: median}]}
curate: {min_side_px: 16}
split: {validation: 0.1, test: 1e-1}
publish: {storage_options: {anon: true, when: 2026-01-02, number: 0x1f, more: &a [1, 2.5e3, !!binary aGk=], again: *a}}
compute: {mode: synchronous, dask_address: null}
"""
SHA256 = "ab" * 32
OVERRIDES_YAML = f"- {{member: cat/1.png, action: drop, reason: blurred}}\n- {{sha256: {SHA256}, action: keep}}\n"
OVERRIDES_CSV = "member,action,label\ncat/1.png,relabel,dog\ncat/2.png,keep,\n"


def images(folder: Path) -> list[bytes]:
    """Small images of ten formats, and the odd files of the test data where these are at hand."""
    random = np.random.default_rng(1)
    found = []
    for side in (8, 33):
        image = Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8))
        for name in FORMATS:
            file = io.BytesIO()
            image.save(file, name)
            found.append(file.getvalue())
    data = os.environ.get("AUGMENT_DATASET_TEST_DATA")
    odd = sorted((Path(data) / "torture").rglob("*")) if data else []
    return found + [path.read_bytes() for path in odd if path.is_file() and path.stat().st_size <= MOST_TORTURE_BYTES]


def archived_files() -> dict[str, bytes]:
    """What lies in archives: two files of one name's letters, one in a folder, one that packs well."""
    return {"cat/1.png": b"one" * 30, "cat/2.png": bytes(5000), "Cat/1.png": b"two", "note.txt": b"n"}


def zips(folder: Path) -> list[bytes]:
    """Stored and deflated, with names that lead out of the folder, and one name twice."""
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, payload in [*archived_files().items(), ("../out.png", b"o"), ("/etc/abs.png", b"a")]:
                archive.writestr(name, payload)
        found.append(file.getvalue())
    return found


def tars(folder: Path) -> list[bytes]:
    """Plain and packed, of three dialects, with links and a device."""
    found = []
    for dialect in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        for mode in ("w", "w:gz", "w:xz"):
            file = io.BytesIO()
            with tarfile.open(fileobj=file, mode=mode, format=dialect) as archive:
                for name, payload in [*archived_files().items(), ("../out.png", b"o"), ("n" * 200, b"long")]:
                    if dialect == tarfile.USTAR_FORMAT and len(name) > 100:
                        continue
                    entry = tarfile.TarInfo(name)
                    entry.size = len(payload)
                    archive.addfile(entry, io.BytesIO(payload))
                for name, kind, target in (("link.png", tarfile.SYMTYPE, "/etc/passwd"), ("null", tarfile.CHRTYPE, "")):
                    entry = tarfile.TarInfo(name)
                    entry.type, entry.linkname = kind, target
                    archive.addfile(entry)
            found.append(file.getvalue())
    return found


def list_and_read(path: Path) -> None:
    """Every member of an archive, as ingest and scan read it; none may lead out of it."""
    cache = path.parent / "cache"
    tree = open_tree(str(path), cache)
    if not tree.is_fetched:
        tree.fetch(lambda done, total: None)
    for file in tree.files():
        if file.problem is None:
            assert ".." not in Path(file.member).parts and not file.member.startswith("/"), file.member
            try:
                tree.read(file.member)
            except OSError:
                continue


def batches(folder: Path) -> list[bytes]:
    """CIFAR's python version as protocols 0 and 2 write it, with names of classes."""
    values = np.random.default_rng(1).integers(0, 256, (2, 3072), dtype=np.uint8)
    content = {b"data": values, b"labels": [1, 2], b"label_names": [b"cat", b"dog"], b"filenames": [b"a", b"b"]}
    return [pickle.dumps(content, protocol) for protocol in (0, 2, 4)]


def read_batch(content: bytes, folder: Path) -> None:
    """As a batch and as names of classes."""
    for read in (python_batch, names_of_pickle):
        try:
            read(content, "batch", "fine")
        except ValueError:
            if read is names_of_pickle:
                raise


def idx_files(folder: Path) -> list[bytes]:
    """Images and labels, plain and packed."""
    pixels = np.random.default_rng(1).integers(0, 256, 3 * 28 * 28, dtype=np.uint8).tobytes()
    plain = [bytes.fromhex("00000803 00000003 0000001c 0000001c") + pixels, bytes.fromhex("00000801 00000003 010203")]
    return plain + [gzip.compress(content, mtime=0) for content in plain]


def read_idx(path: Path) -> None:
    """Header, labels, and the first and last image."""
    file = open_idx_file(path)
    if len(file.shape) == 1:
        labels_of(file)
    else:
        for index in {0, file.shape[0] - 1} if file.shape[0] else ():
            pixels_at(file, index)


def tables(folder: Path) -> list[bytes]:
    """A table of names and labels as CSV, with tabs, as JSON Lines and as Parquet."""
    file = io.BytesIO()
    pq.write_table(pa.table({"url": ["http://a.example/1.jpg", None], "label": ["cat", "dog"], "n": [1, 2]}), file)
    return [
        b'url,label\nhttp://a.example/1.jpg,"cat ""x"""\nhttp://10.0.0.1/2.jpg,dog\n',
        b"url\tlabel\nhttp://a.example/1.jpg\tcat\n",
        b'{"url": "http://a.example/1.jpg", "label": 7}\n{"url": "file:///etc/passwd", "label": null}\n',
        file.getvalue(),
    ]


def read_urls(path: Path) -> None:
    """Every row of a list, and each of its URLs."""
    for row in UrlRows(path, ("url", "label", None, None, None, None)):
        try:
            WebUrl.parsed(row.url or "")
        except UnsafeUrl as error:
            assert "\n" not in str(error)


def read_table_rows(path: Path) -> int:
    """Every row of a table of labels."""
    return exhausted(open_table(path, path.name).rows())


FOREIGN = (
    Reader("images", images, lambda content, _: decode(content), mutated_image, True),
    Reader("images, all frames", images, lambda content, _: exhausted(decode_frames(content)), mutated_image, True),
    Reader("zip archives", zips, in_file("a.zip", list_and_read)),
    Reader("tar archives", tars, in_file("a.tar", list_and_read)),
    Reader("CIFAR pickles", batches, read_batch),
    Reader("CIFAR binary", lambda _: [bytes(3073)], lambda content, _: binary_batch(content, "b", 1, "fine")),
    Reader("IDX", idx_files, in_file("images-idx3-ubyte", read_idx)),
    Reader("tables of labels", tables, in_file("labels", read_table_rows)),
    Reader("lists of URLs", tables, in_file("urls", read_urls)),
    Reader("settings", lambda _: [SETTINGS.encode()], in_file("s.yaml", load_settings), mutated_yaml),
    Reader("overrides, YAML", lambda _: [OVERRIDES_YAML.encode()], in_file("o.yaml", read_overrides), mutated_yaml),
    Reader("overrides, CSV", lambda _: [OVERRIDES_CSV.encode()], in_file("o.csv", read_overrides)),
)
