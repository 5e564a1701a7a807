import contextlib
import io
import json
import os
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import ipc

from datasets.errors import BadInput
from datasets.sources.files import FolderSettings, open_folder
from datasets.sources.image_table import ImageTableSettings, open_image_table
from datasets.sources.tables import arrow_messages, image_files
from datasets.sources.tables.parquet_footer import column_facts

COUNT = 50
IMAGES = [b"image %d " % index * (index + 1) for index in range(COUNT)]
LABELS = [("cat", "dog", None)[index % 3] for index in range(COUNT)]
HUGGINGFACE = {
    "huggingface": json.dumps(
        {"info": {"features": {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}}}
    )
}


def parquet(table, path):
    pq.write_table(table, path, row_group_size=20)


def arrow_file(table, path, compression=None):
    with ipc.new_file(path, table.schema, options=ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=20)


def arrow_stream(table, path, compression=None):
    with ipc.new_stream(path, table.schema, options=ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=20)


WRITERS = {
    "parquet": parquet,
    "arrow file": arrow_file,
    "arrow stream": arrow_stream,
    "feather": lambda table, path: feather.write_feather(table, str(path), chunksize=20),
    "packed stream": lambda table, path: arrow_stream(table, path, "zstd"),
}


def columns(**changed):
    return {"image": pa.array(IMAGES, pa.binary()), "label": pa.array(LABELS), **changed}


def written(path: Path, data, writer="parquet", metadata=None):
    WRITERS[writer](pa.table(data).replace_schema_metadata(metadata), path)
    return path


def opened(path, **changed):
    return open_image_table(ImageTableSettings(kind="image_table", path=path, **changed), Path("unused"))


def refused(sentence):
    return pytest.raises(BadInput, match=f"^{re.escape(sentence)}$")


@pytest.mark.parametrize("writer", WRITERS)
def test_every_format_gives_the_same_labels(tmp_path, writer):
    items = opened(written(tmp_path / "pets", columns(), writer)).items()
    assert [(item.member, item.label) for item in items] == [
        (f"pets/{index:08d}", label) for index, label in enumerate(LABELS)
    ]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("order", [range(COUNT), reversed(range(COUNT)), [49, 0, 21, 20, 48, 19]])
def test_every_format_is_read_in_any_order(tmp_path, writer, order):
    source = opened(written(tmp_path / "pets", columns(), writer))
    for index in order:
        assert source.read(f"pets/{index:08d}") == IMAGES[index]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "array",
    [
        pa.array(IMAGES, pa.large_binary()),
        pa.array(IMAGES, pa.binary()).dictionary_encode(),
        pa.array([{"bytes": image, "path": None} for image in IMAGES]),
        pa.array([{"path": "a.png", "bytes": image} for image in IMAGES],
                 pa.struct({"path": pa.string(), "bytes": pa.large_binary()})),
    ],
    ids=["large_binary", "dictionary", "struct", "large struct"],
)  # fmt: skip
def test_images_may_be_of_several_types(tmp_path, writer, array):
    source = opened(written(tmp_path / "pets", columns(image=array), writer))
    assert [source.read(item.member) for item in source.items()] == IMAGES


@pytest.mark.parametrize("writer", ["arrow file", "arrow stream"])
def test_views_are_read(tmp_path, writer):
    data = columns(image=pa.array(IMAGES, pa.binary_view()), label=pa.array(LABELS, pa.string_view()))
    source = opened(written(tmp_path / "pets", data, writer))
    assert [(source.read(item.member), item.label) for item in source.items()] == list(zip(IMAGES, LABELS, strict=True))


def test_images_of_one_size_may_be_of_a_fixed_size(tmp_path):
    data = {"image": pa.array([b"1234", b"5678"], pa.binary(4))}
    assert opened(written(tmp_path / "pets", data)).read("pets/00000001") == b"5678"


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "array",
    [
        pa.array([b"a", None, b""]),
        pa.array([{"bytes": b"a", "path": "a"}, None, {"bytes": b"", "path": "c"}]),
        pa.array([{"bytes": b"a", "path": "a"}, {"bytes": None, "path": "b"}, {"bytes": b"", "path": "c"}]),
    ],
    ids=["null", "struct is null", "bytes are null"],
)
def test_a_row_without_an_image_has_a_problem(tmp_path, writer, array):
    source = opened(written(tmp_path / "pets", {"image": array}, writer))
    assert [item.problem for item in source.items()] == [None, "no_image", None]
    with pytest.raises(OSError, match=r"^pets/00000001 of pets: a record without an image$"):
        source.read("pets/00000001")


def test_an_item_has_everything_the_table_knows(tmp_path):
    data = {
        "image": pa.array([b"a"]),
        "label": ["cat"],
        "owner": [17],
        "part": ["val"],
        "rights": ["CC0-1.0"],
        "words": ["a grey cat"],
    }
    path = written(tmp_path / "pets.parquet", data)
    source = opened(
        path, group_column="owner", split_column="part", licence_column="rights", caption_column="words"
    )  # fmt: skip
    (item,) = source.items()
    assert (item.label, item.group, item.split, item.licence, item.caption) == (
        *("cat", "17", "val", "CC0-1.0"),
        "a grey cat",
    )
    assert item.version_tag == f"{path.stat().st_size}-{path.stat().st_mtime_ns}"
    assert item.origin == "table:pets.parquet#0"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pa.array([0, 1, None], pa.int64()), ["0", "1", None]),
        (pa.array([0, 1, -1], pa.int8()), ["0", "1", None]),
        (pa.array([2**64 - 1, 0, 0], pa.uint64()), [str(2**64 - 1), "0", "0"]),
        (pa.array(["a", "", None]), ["a", None, None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([7, 8, None]).dictionary_encode(), ["7", "8", None]),
        (pa.array([b"\xff", b"a", b"b"]).cast(pa.string(), safe=False), ["\\xff", "a", "b"]),
    ],
    ids=["numbers", "minus one", "large", "text", "categories", "categories of numbers", "not UTF-8"],
)
@pytest.mark.parametrize("writer", ["parquet", "arrow stream"])
def test_labels_are_text_or_numbers(tmp_path, writer, labels, expected):
    path = written(tmp_path / "pets", {"image": pa.array([b"a", b"b", b"c"]), "label": labels}, writer)
    assert [item.label for item in opened(path).items()] == expected


@pytest.mark.parametrize("writer", WRITERS)
def test_names_of_classes_come_from_what_huggingface_writes(tmp_path, writer):
    data = {"image": pa.array([b"a", b"b", b"c"]), "label": [1, 0, -1]}
    path = written(tmp_path / "pets", data, writer, HUGGINGFACE)
    assert [item.label for item in opened(path).items()] == ["dog", "cat", None]


def test_class_names_of_the_settings_come_first(tmp_path):
    path = written(tmp_path / "pets", {"image": pa.array([b"a"]), "label": [1]}, metadata=HUGGINGFACE)
    assert next(opened(path, class_names=("x", "y")).items()).label == "y"


def test_the_only_column_of_classes_is_the_label(tmp_path):
    features = {"breed": {"_type": "ClassLabel", "names": ["pug"]}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path = written(tmp_path / "pets", {"image": pa.array([b"a"]), "breed": [0], "age": [3]}, metadata=metadata)
    assert next(opened(path).items()).label == "pug"


@pytest.mark.parametrize("metadata", ["[", "[]", '{"info": 3}', '{"info": {"features": {"label": []}}}', "[" * 100_000])
def test_damaged_metadata_says_nothing(tmp_path, metadata):
    path = written(tmp_path / "pets", {"image": pa.array([b"a"]), "label": [1]}, metadata={"huggingface": metadata})
    assert next(opened(path).items()).label == "1"


def test_labels_can_be_left_out(tmp_path):
    path = written(tmp_path / "pets", columns())
    assert {item.label for item in opened(path, label_column="").items()} == {None}


def test_a_label_without_a_name_is_refused(tmp_path):
    path = written(tmp_path / "pets", {"image": pa.array([b"a", b"b"]), "label": [0, 2]})
    sentence = (
        f"{path}: row 1 has the label 2, but there are names for 2 labels, from 0 on; set class_names to all of them"
    )
    with refused(sentence):
        list(opened(path, class_names=("cat", "dog")).items())


THERE_ARE = "there are image (binary), label (string), size (double)"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"image_column": "label"}, "image_column label is of type string; encoded images are binary, or a struct with "
         f"such a field bytes; {THERE_ARE}"),
        ({"image_column": "photo"}, f"there is no column photo, or more than one; set image_column; {THERE_ARE}"),
        ({"image_column": "image.bytes"},
         f"there is no column image.bytes, or more than one; set image_column; {THERE_ARE}"),
        ({"label_column": "size"}, "the column of labels, size, is of type double; labels are text or whole numbers; "
         f"set label_column to another, or to '' for none; {THERE_ARE}"),
        ({"name_column": "size"}, f"name_column size is of type double, which is not text; {THERE_ARE}"),
        ({"class_names": ("a",)}, "class_names needs a column of labels that are whole numbers; leave it out"),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit_are_refused(tmp_path, changed, sentence):
    path = written(tmp_path / "pets", {"image": pa.array([b"a"]), "label": ["cat"], "size": [1.5]})
    with refused(f"{path}: {sentence}"):
        opened(path, **changed)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"a": pa.array([b"a"]), "b": pa.array([{"bytes": b"b"}])}, "several columns hold bytes (a, b.bytes); set "
         "image_column to the column of encoded images; there are a (binary), b (struct<bytes: binary>)"),
        ({"a": ["x"]},
         "no column holds bytes; set image_column to the column of encoded images; there are a (string)"),
        ({"image": pa.array([b"a"]), "label": [True]}, "the column of labels, label, is of type bool; labels are text "
         "or whole numbers; set label_column to another, or to '' for none; there are image (binary), label (bool)"),
        ({"image": pa.array([b"a"]), "label": ["x"], "category": ["y"]},
         "label and category may be labels; set label_column to one, or to '' for none"),
    ],
)  # fmt: skip
def test_tables_that_leave_doubt_are_refused(tmp_path, data, sentence):
    path = written(tmp_path / "pets", data)
    with refused(f"{path}: {sentence}"):
        opened(path)


def test_names_of_a_column_are_members(tmp_path):
    names = ["cat/1.png", "cat/1.png", None, "../secret", "cat/1.png", "cat/1.png~2", ""]
    images = pa.array([b"%d" % index for index in range(7)])
    source = opened(written(tmp_path / "pets", {"image": images, "file": names}), name_column="file")
    items = list(source.items())
    assert [(item.member, item.problem) for item in items] == [
        ("cat/1.png", None),
        ("cat/1.png~3", "duplicate_name"),
        ("pets/00000002", None),
        (r"\x2e\x2e/secret", "unsafe_name"),
        ("cat/1.png~4", "duplicate_name"),
        ("cat/1.png~2", None),
        ("pets/00000006", None),
    ]
    assert [source.read(item.member) for item in items if not item.problem] == [b"0", b"2", b"5", b"6"]


def test_a_name_that_is_not_utf8_is_no_member(tmp_path):
    names = pa.array([b"a\xff.png"]).cast(pa.string(), safe=False)
    source = opened(written(tmp_path / "pets", {"image": pa.array([b"a"]), "file": names}), name_column="file")
    (item,) = source.items()
    assert (item.member, item.problem) == ("a\\xff.png", "name_not_utf8")


@pytest.mark.parametrize("writer", WRITERS)
def test_names_may_lie_beside_the_bytes(tmp_path, writer):
    images = [{"bytes": image, "path": f"{index}.png"} for index, image in enumerate(IMAGES)]
    source = opened(written(tmp_path / "pets", {"image": images}, writer), name_column="image.path")
    assert [source.read(item.member) for item in source.items()] == IMAGES
    assert source.read("33.png") == IMAGES[33]


def test_a_folder_is_read_file_by_file(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text("about pets")
    for name, part in (("data/train-00000-of-00001.parquet", slice(30)), ("data/test.arrow", slice(30, 50))):
        written(tmp_path / name, columns(image=pa.array(IMAGES[part]), label=pa.array(LABELS[part])), "arrow file"
                if name.endswith("arrow") else "parquet")  # fmt: skip
    source = opened(tmp_path)
    items = list(source.items())
    assert [source.read(item.member) for item in items] == IMAGES[30:] + IMAGES[:30]
    assert [(item.member, item.split) for item in items[::20]] == [
        ("data/test.arrow/00000000", "test"),
        ("data/train-00000-of-00001.parquet/00000000", "train"),
        ("data/train-00000-of-00001.parquet/00000020", "train"),
    ]


def test_files_with_other_columns_are_refused(tmp_path):
    written(tmp_path / "a.parquet", {"image": pa.array([b"a"]), "label": ["cat"]})
    other = written(tmp_path / "b.parquet", {"image": pa.array([b"a"]), "label": [1]})
    sentence = (
        f"{other}: its columns (image binary, label int64) are not those of a.parquet (image binary, label string); "
        "tables of one source are alike, so list them as sources of kind mixed"
    )
    with refused(sentence):
        opened(tmp_path)


def test_columns_that_are_not_read_may_differ(tmp_path):
    written(tmp_path / "a.parquet", {"image": pa.array([b"a"]), "label": ["cat"]})
    written(tmp_path / "b.parquet", {"label": ["dog"], "size": [1], "image": pa.array([b"b"])})
    assert [item.label for item in opened(tmp_path).items()] == ["cat", "dog"]


def test_an_empty_table_among_others_is_fine(tmp_path):
    written(tmp_path / "a.parquet", columns())
    written(tmp_path / "b.parquet", {name: array[:0] for name, array in columns().items()})
    assert len(list(opened(tmp_path).items())) == COUNT


@pytest.mark.parametrize("writer", WRITERS)
def test_a_table_without_rows_is_refused(tmp_path, writer):
    path = written(tmp_path / "pets", {name: array[:0] for name, array in columns().items()}, writer)
    with refused(f"{path}: a table without rows; give one that holds images"):
        opened(path)


def test_a_folder_without_tables_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with refused(f"{tmp_path}: no Parquet or Arrow files in it; give a table, or a folder of them"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "an empty file; give Parquet, Arrow (file or stream) or Feather version 2"),
        (b"\x89PNG", "begins with 89504e47, which is no table of images; "
         "give Parquet, Arrow (file or stream) or Feather version 2"),
        (b"PARE" * 9, "an encrypted Parquet file, which is not read; "
         "give Parquet, Arrow (file or stream) or Feather version 2"),
        (b"FEA1" * 9, "Feather version 1, which is not read; write it anew with `pyarrow.feather.write_feather`; "
         "give Parquet, Arrow (file or stream) or Feather version 2"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, content, sentence):
    path = tmp_path / "pets.parquet"
    path.write_bytes(content)
    with refused(f"{path}: {sentence}"):
        opened(tmp_path)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_file_that_is_cut_off_is_refused(tmp_path, writer, kept):
    path = written(tmp_path / "pets", columns(), writer)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(BadInput, match=rf"^{path}: damaged, cut off or not readable \(.+\); fetch it again$"):
        opened(path)


def test_damage_within_a_table_costs_only_what_lies_behind_it(tmp_path):
    path = tmp_path / "pets"
    pq.write_table(pa.table(columns()), path, row_group_size=20, use_dictionary=False, write_page_checksum=True)
    chunk = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    content[chunk.data_page_offset + chunk.total_compressed_size - 9] ^= 1
    path.write_bytes(content)
    source = opened(path)
    for _ in range(2):
        with pytest.raises(OSError, match=r"^pets/00000025 of pets: .+"):
            source.read("pets/00000025")
    assert [source.read(f"pets/{index:08d}") for index in (3, 45)] == [IMAGES[3], IMAGES[45]]


@pytest.mark.parametrize(
    "member", ["pets/00000050", "pets/3", "pets/-0000001", "cats/00000003", "pets", "pets/" + "9" * 30]
)
@pytest.mark.parametrize("writer", ["parquet", "arrow file"])
def test_an_unknown_member_cannot_be_read(tmp_path, writer, member):
    source = opened(written(tmp_path / "pets", columns(), writer))
    with pytest.raises(OSError, match=rf"^{member} of pets: there is no such (image|row)$"):
        source.read(member)


def test_a_table_that_changed_cannot_be_read(tmp_path):
    source = opened(written(tmp_path / "pets", columns()))
    os.utime(tmp_path / "pets", ns=(1, 1))
    with pytest.raises(OSError, match=r"^pets/00000000 of pets: the file has changed since it was listed$"):
        source.read("pets/00000000")


@pytest.mark.parametrize("writer", WRITERS)
def test_threads_and_workers_read_the_same(tmp_path, writer):
    source = pickle.loads(pickle.dumps(opened(written(tmp_path / "pets", columns(), writer))))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(source.read, [f"pets/{index:08d}" for index in range(COUNT)])) == IMAGES


def test_the_identity_changes_with_files_and_settings(tmp_path):
    path = written(tmp_path / "pets", columns())
    before, unlabelled = opened(path).identity(), opened(path, label_column="").identity()
    os.utime(path, ns=(1, 1))
    assert len({before, unlabelled, opened(path).identity()}) == 3


def test_a_remote_table_is_refused():
    sentence = "s3://bucket/a.parquet: a table is read from this machine only; download it and give its path"
    with refused(sentence):
        opened("s3://bucket/a.parquet")


def test_a_large_row_group_is_not_read_at_once(tmp_path):
    image = os.urandom(1 << 20)
    table = pa.table({"image": pa.array([image] * 100), "label": ["cat"] * 100})
    pq.write_table(table, tmp_path / "pets", use_dictionary=False, compression="none", write_batch_size=1)
    del table
    before, most = pa.total_allocated_bytes(), 0
    source = opened(tmp_path / "pets")
    for item in source.items():
        assert source.read(item.member) == image
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 40 << 20


@pytest.mark.parametrize("write", [arrow_file, arrow_stream])
def test_a_batch_that_unpacks_to_too_much_is_refused(tmp_path, write, monkeypatch):
    path = tmp_path / "pets"
    write(pa.table({"image": pa.array([bytes(1 << 20)] * 20)}), path, "zstd")
    assert path.stat().st_size < 1 << 20
    monkeypatch.setattr(image_files, "MAX_BATCH_BYTES", 16 << 20)
    sentence = (
        f"{path}: a batch of rows in it unpacks to {(20 << 20) + 84} bytes, and at most 16 MiB are read at once; "
        "write it in smaller batches, or as Parquet"
    )
    with refused(sentence):
        opened(path)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_the_size_of_what_is_packed_is_known(tmp_path, compression):
    arrow_stream(pa.table({"image": pa.array([b"a" * 1000] * 16)}), tmp_path / "pets", compression)
    messages = list(ipc.MessageReader.open_stream(pa.OSFile(str(tmp_path / "pets"))))
    assert [arrow_messages.unpacked_size(message) for message in messages] == [0, 16_000 + 17 * 4]


def _small(writer):
    content = io.BytesIO()
    table = pa.table(
        {"image": [{"bytes": b"a" * 99, "path": "x"}, None], "label": pa.array(["a", "b"]).dictionary_encode()}
    )
    if writer == "parquet":
        pq.write_table(table, content)
    else:
        new = ipc.new_file if writer == "arrow file" else ipc.new_stream
        with new(
            content, table.schema, options=ipc.IpcWriteOptions(compression="lz4" if "packed" in writer else None)
        ) as file:
            file.write_table(table)
    return content.getvalue()


SMALL = {writer: _small(writer) for writer in WRITERS if writer != "feather"}


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(SMALL)),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=5),
)
def test_mutated_tables_are_read_or_refused(tmp_path_factory, writer, patches):
    content = bytearray(SMALL[writer])
    for position, patch in patches:
        position %= len(content)
        content[position : position + len(patch)] = patch
    path = tmp_path_factory.mktemp("table") / "pets"
    path.write_bytes(content)
    try:
        items = list(opened(path, name_column="image.path").items())
    except BadInput:
        return
    for item in items:
        try:
            opened(path, name_column="image.path").read(item.member)
        except OSError:
            continue


@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_the_footer_says_the_same_as_pyarrow(tmp_path, compression):
    data = columns(struct=pa.array([None if index % 5 else {"a": index} for index in range(COUNT)]))
    pq.write_table(pa.table(data), tmp_path / "pets", row_group_size=20, compression=compression)
    metadata = pq.ParquetFile(tmp_path / "pets").metadata
    chunks = [[metadata.row_group(group).column(column) for column in range(3)] for group in range(3)]
    assert column_facts(tmp_path / "pets") == [
        {chunk.path_in_schema: (chunk.total_uncompressed_size, chunk.statistics.null_count) for chunk in group}
        for group in chunks
    ]


@given(st.binary(max_size=80))
def test_any_footer_is_read_or_refused(tmp_path_factory, footer):
    path = tmp_path_factory.mktemp("footer") / "pets"
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    with contextlib.suppress(ValueError):
        column_facts(path)


def test_a_column_that_pyarrow_chokes_on_does_no_harm(tmp_path):
    """One bit in the statistics of a column ends a process that asks pyarrow about it."""
    path = written(tmp_path / "pets", columns())
    content = path.read_bytes()
    for position in range(len(content) - 600, len(content) - 8):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        with contextlib.suppress(BadInput):
            assert len(list(opened(path).items())) == COUNT


@pytest.fixture
def clothing():
    if "AUGMENT_DATASET_TEST_DATA" not in os.environ:
        pytest.skip("AUGMENT_DATASET_TEST_DATA is not set, so that there are no photographs to read")
    return Path(os.environ["AUGMENT_DATASET_TEST_DATA"]) / "clothing" / "train"


def test_photographs_in_a_table_are_those_of_their_folder(tmp_path, clothing):
    folder = open_folder(FolderSettings(kind="folder_per_class", path=clothing, name="clothing"), tmp_path)
    expected = [(item.member, folder.read(item.member), item.label) for item in list(folder.items())[::50]]
    names, images, labels = zip(*expected, strict=True)
    path = tmp_path / "clothing.parquet"
    pq.write_table(pa.table({"file": names, "image": images, "class": labels}), path, row_group_size=16)
    source = opened(path, name_column="file")
    assert [(item.member, source.read(item.member), item.label) for item in source.items()] == expected
