import os
import pickle
import re
import resource
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.errors import BadInput
from datasets.sources.files import FolderSettings, open_folder
from datasets.sources.label_table import LabelTableSettings, open_label_table

DATA = os.environ.get("AUGMENT_DATASET_TEST_DATA")
IMAGES_PER_CLASS = 12


def settings(path, table="labels.csv", **values):
    return LabelTableSettings(kind="label_table", path=str(path), table=str(table), **values)


def opened(path, table="labels.csv", **values):
    return open_label_table(settings(path, table, **values), Path(str(path)) / "no-cache")


def labels(source):
    return {item.member: item.label for item in source.items() if item.problem is None}


def problems(source):
    listed = [(item.member, item.problem) for item in source.items()]
    assert len({member for member, _ in listed}) == len(listed)
    return {member: problem for member, problem in listed if problem is not None}


@pytest.fixture
def folder(tmp_path):
    """folder(table, *members) makes files with a table `labels.csv` among them, and gives their folder."""

    def make(table, *members):
        root = tmp_path / "data"
        for member in members:
            path = root / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(member.encode())
        if table is not None:
            (root / "labels.csv").write_text(table)
        return root

    return make


def test_a_row_gives_a_file_all_that_it_says(folder):
    table = "file,label,patient,subset,rights,text\na/1.png,cat,7,val,CC0-1.0, a cat \na/2.png,,,,,\n"
    columns = {
        "group_column": "patient",
        "split_column": "subset",
        "licence_column": "rights",
        "caption_column": "text",
    }
    source = opened(folder(table, "a/1.png", "a/2.png"), **columns)
    first, second, last = source.items()
    assert (first.label, first.group, first.split, first.licence, first.caption) == (
        *("cat", "7", "val", "CC0-1.0", "a cat"),
    )
    assert {second.label, second.group, second.split, second.licence, second.caption, second.problem} == {None}
    assert (last.member, last.problem) == ("labels.csv", "label_table")
    assert source.read("a/1.png") == b"a/1.png"


@pytest.mark.parametrize("file_column", ["file", "filename", "File_Name", "path", "filepath", "image", "NAME"])
@pytest.mark.parametrize("label_column", ["label", "Class", "category", "target"])
def test_usual_names_of_columns_are_found(folder, file_column, label_column):
    table = f"x,{file_column},{label_column}\n0,1.png,cat\n"
    assert labels(opened(folder(table, "1.png"))) == {"1.png": "cat"}


def test_columns_of_any_name_can_be_given(folder):
    table = "file,label,id,breed\nx,y,1.png,pug\n"
    source = opened(folder(table, "1.png"), file_column="id", label_column="breed")
    assert labels(source) == {"1.png": "pug"}


def test_a_table_without_labels(folder):
    assert labels(opened(folder("file\n1.png\n", "1.png"), label_column=None)) == {"1.png": None}


@pytest.mark.parametrize(
    ("table", "values", "message"),
    [
        ("id,kind\n", {}, "no column of file names; set file_column to one of id, kind"),
        ("file,kind\n", {}, "no column of labels; set label_column to one of file, kind, or to null"),
        ("file,kind\n", {"label_column": "x"}, "no column 'x'; set label_column to one of file, kind"),
        ("file,label\n", {"split_column": "x"}, "no column 'x'; set split_column to one of file, label"),
        ("file,label\n", {"file_column": "x"}, "no column 'x'; set file_column to one of file, label"),
    ],
)
def test_columns_that_are_not_there_are_told_when_it_is_opened(folder, table, values, message):
    with pytest.raises(BadInput, match=f"^labels.csv: {re.escape(message)}$"):
        opened(folder(table, "1.png"), **values)


def test_a_file_that_is_not_named_is_a_problem(folder):
    assert problems(opened(folder("file,label\n1.png,cat\n", "1.png", "2.png", "sub/1.png"))) == {
        "2.png": "not_in_table",
        "sub/1.png": "not_in_table",
        "labels.csv": "label_table",
    }


def test_what_is_named_and_not_there_is_a_problem_and_keeps_its_label(folder):
    items = list(opened(folder("file,label\n1.png,cat\ngone.png,dog\n/../x.png,dog\n", "1.png")).items())
    assert [(item.member, item.label, item.problem) for item in items] == [
        ("1.png", "cat", None),
        ("labels.csv", None, "label_table"),
        ("gone.png", "dog", "missing_file"),
        ("../x.png", "dog", "missing_file"),
    ]


def test_rows_that_name_no_file_are_told_by_their_numbers(folder):
    items = list(opened(folder("file,label\n1.png,cat\n,dog\n ,dog\n", "1.png")).items())
    assert [(item.member, item.problem, item.detail) for item in items[2:]] == [
        ("labels.csv#2", "missing_file", "the row names no file"),
        ("labels.csv#3", "missing_file", "the row names no file"),
    ]


def test_rows_that_agree_are_one(folder):
    table = "file,label,split,text\n1.png,cat,val,\n./1.png, cat,validation,one\n1.png,cat,dev,two\n"
    first, _ = opened(folder(table, "1.png"), split_column="split", caption_column="text").items()
    assert (first.label, first.split, first.caption, first.problem) == ("cat", "validation", "one", None)


def test_rows_that_do_not_agree_are_a_problem(folder):
    table = "file,label,split\n1.png,cat,train\n1.png,dog,train\n2.png,cat,train\n2.png,cat,test\n"
    first, second, _ = opened(folder(table, "1.png", "2.png"), split_column="split").items()
    assert (first.problem, first.label) == ("label_table_conflict", None)
    assert first.detail == "one row gives it the label 'cat', another 'dog'"
    assert second.detail == "one row gives it the split 'train', another 'test'"


def test_rows_that_do_not_agree_on_what_is_missing_are_all_listed(folder):
    table = "file,label\n1.png,cat\ngone.png,cat\ngone.png,dog\ngone.png,cat\ngone.png,cow\n"
    assert problems(opened(folder(table, "1.png"))) == {
        "labels.csv": "label_table",
        "gone.png": "missing_file",
        "gone.png~2": "duplicate_name",
        "gone.png~3": "duplicate_name",
    }


def test_the_word_for_a_split_is_passed_on_as_it_stands(folder):
    item, _ = opened(folder("file,label,split\n1.png,cat,extra\n", "1.png"), split_column="split").items()
    assert (item.problem, item.split, item.label) == (None, "extra", "cat")


def test_problems_of_the_file_itself_come_first(folder):
    root = folder("file,label\n1.png,cat\n.2.png,cat\ngone.png,cat\n", "1.png", ".2.png")
    (root / "gone.png").symlink_to("nothing")
    listed = {".2.png": "hidden_file", "gone.png": "broken_link", "labels.csv": "label_table"}
    assert problems(opened(root)) == listed


@pytest.mark.parametrize(
    "name", ["images/a/1.jpg", "./images/a/1.jpg", "/images/a/1.jpg", "images\\a\\1.jpg", ".\\images\\a\\1.jpg"]
)
def test_ways_to_write_a_path(folder, name):
    assert labels(opened(folder(f"file,label\n{name},cat\n", "images/a/1.jpg"))) == {"images/a/1.jpg": "cat"}


def test_prefix_and_suffix_make_files_of_ids(folder):
    source = opened(folder("name,label\n0a1,cat\n", "train/0a1.jpg"), prefix="train/", suffix=".jpg")
    assert labels(source) == {"train/0a1.jpg": "cat"}


def test_a_table_that_names_nothing_that_is_there_is_told_with_examples(folder):
    source = opened(folder("name,label\n0a1,cat\n", "train/0a1.jpg"))
    message = "labels.csv: names no file that is there; it names 0a1, there is train/0a1.jpg; set prefix and suffix"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        list(source.items())


def test_a_table_without_rows(folder):
    with pytest.raises(BadInput, match=r"^labels.csv: no row that names a file; give a table with a row per image$"):
        list(opened(folder("file,label\n", "1.png")).items())


def test_a_broken_row_is_told_when_it_is_listed(folder):
    source = opened(folder("file,label\n1.png,cat\n2.png\n", "1.png"))
    with pytest.raises(BadInput, match=r"^labels.csv: line 3 has 1 fields, the header has 2; "):
        list(source.items())


def test_json_lines_and_parquet_say_the_same_whatever_their_names(folder, tmp_path):
    root = folder(None, "1.png", "2.png")
    (tmp_path / "a").write_text('{"file": "1.png", "label": 3}\n{"file": "2.png", "label": 4}\n')
    pq.write_table(pa.table({"file": ["1.png", "2.png"], "label": [3, 4]}), tmp_path / "b")
    assert labels(opened(root, tmp_path / "a")) == labels(opened(root, tmp_path / "b")) == {"1.png": "3", "2.png": "4"}


def test_a_table_beside_the_settings(folder, tmp_path):
    root = folder(None, "1.png")
    (tmp_path / "labels.csv").write_text("file,label\n1.png,cat\n")
    resolved = settings("data", "labels.csv").resolved(tmp_path)
    assert (resolved.path, resolved.table) == (str(root), str(tmp_path / "labels.csv"))
    assert resolved.local_paths == (root, tmp_path / "labels.csv")
    assert resolved.resolved(Path("/")) == resolved
    assert {item.member: item.problem for item in open_label_table(resolved, tmp_path).items()} == {"1.png": None}


def test_a_table_in_the_folder_comes_before_one_beside_the_settings(folder, tmp_path):
    folder("file,label\n1.png,inside\n", "1.png")
    (tmp_path / "labels.csv").write_text("file,label\n1.png,beside\n")
    resolved = settings("data", "labels.csv").resolved(tmp_path)
    assert (resolved.table, resolved.local_paths) == ("labels.csv", (tmp_path / "data",))
    assert labels(open_label_table(resolved, tmp_path)) == {"1.png": "inside"}


@pytest.mark.parametrize("table", ["data/labels.csv", "./data/../data/labels.csv"])
def test_a_table_in_the_folder_by_its_path_from_the_settings(folder, tmp_path, table):
    folder("file,label\n1.png,cat\n", "1.png")
    source = open_label_table(settings("data", table).resolved(tmp_path), tmp_path)
    assert {item.member: item.problem for item in source.items()} == {"1.png": None, "labels.csv": "label_table"}


@pytest.mark.parametrize("table", ["gone.csv", "/gone.csv", "sub"])
def test_a_table_that_is_nowhere(folder, table):
    with pytest.raises(BadInput, match=f"^{table}: no such table; set table to a file in the source, or to a path$"):
        opened(folder(None, "sub/1.png"), table)


@pytest.fixture
def archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as file:
        file.writestr("meta/labels.csv", "file,label\na/1.png,cat\n")
        file.writestr("a/1.png", b"one")
    return tmp_path / "photos.zip"


def test_a_table_in_an_archive(archive):
    source = opened(archive, "meta/labels.csv")
    assert {item.member: (item.label, item.problem) for item in source.items()} == {
        "a/1.png": ("cat", None),
        "meta/labels.csv": (None, "label_table"),
    }
    assert source.read("a/1.png") == b"one"


def test_a_table_that_an_archive_lacks(archive):
    with pytest.raises(BadInput, match=r"^gone.csv: no such table in the source or beside the settings \("):
        opened(archive, "gone.csv")


def test_the_identity_changes_with_the_table_and_how_it_is_read(archive, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,label\na/1.png,cat\n")
    before = opened(archive, table).identity()
    assert before == opened(archive, table).identity()
    assert opened(archive, table, label_column=None).identity() != before
    assert opened(archive, table, prefix="a/").identity() != before
    table.write_text("file,label\na/1.png,dogs\n")
    assert opened(archive, table).identity() != before
    assert str(tmp_path) not in before


def test_a_folder_has_no_identity_without_listing(folder):
    assert opened(folder("file,label\n1.png,cat\n", "1.png")).identity() is None


@pytest.fixture
def bucket(s3_bucket):
    s3_bucket.put("photos/a/1.png", b"one")
    s3_bucket.put("photos/labels.csv", b"file,label\na/1.png,cat\n")
    s3_bucket.put("tables/labels.csv", b"file,label\na/1.png,dog\n")
    return s3_bucket


@pytest.mark.parametrize(
    ("table", "label"), [("labels.csv", "cat"), ("{}/photos/labels.csv", "cat"), ("{}/tables/labels.csv", "dog")]
)
def test_a_table_in_a_bucket(bucket, table, label):
    source = opened(f"{bucket.url}/photos", table.format(bucket.url))
    assert labels(source) == {"a/1.png": label}
    assert problems(source) == {"labels.csv": "label_table" if label == "cat" else "not_in_table"}
    assert source.read("a/1.png") == b"one"


def test_a_table_of_this_machine_for_files_in_a_bucket(bucket, tmp_path):
    (tmp_path / "labels.csv").write_text("file,label\na/1.png,cow\n")
    resolved = settings(f"{bucket.url}/photos", "labels.csv").resolved(tmp_path)
    assert labels(open_label_table(resolved, tmp_path)) == {"a/1.png": "cow"}


def test_a_source_can_be_pickled_and_is_small(folder):
    source = opened(folder("file,label\n1.png,cat\n" * 1000, "1.png"))
    assert pickle.loads(pickle.dumps(source)) == source
    assert len(pickle.dumps(source)) < 1500


def test_a_large_table_takes_little_memory_and_time(folder, tmp_path):
    count = 200_000
    table = tmp_path / "large.csv"
    table.write_text("file,label,split\n" + "".join(f"images/{n:08}.png,class {n % 10},train\n" for n in range(count)))
    source = opened(folder(None, "images/00000000.png"), table, split_column="split")
    before = resource.getrusage(resource.RUSAGE_SELF)
    assert sum(item.problem == "missing_file" for item in source.items()) == count - 1
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < 20
    assert after.ru_maxrss - before.ru_maxrss < 150 << 10


@pytest.mark.skipif(DATA is None, reason="AUGMENT_DATASET_TEST_DATA, the folder of real data, is not set")
def test_photographs_in_one_folder_with_a_table_have_the_labels_of_their_folders(tmp_path):
    root, flat = Path(DATA) / "clothing" / "train", tmp_path / "flat"
    flat.mkdir()
    expected, lines = {}, ["id;article"]
    for label in sorted(path.name for path in root.iterdir() if path.is_dir()):
        for path in sorted((root / label).iterdir())[:IMAGES_PER_CLASS]:
            (flat / path.name).symlink_to(path)
            expected[path.read_bytes()] = label
            lines.append(f"{path.stem};{label}")
    (flat / "labels.csv").write_text("\n".join(lines))
    source = opened(flat, suffix=".jpg", file_column="id", label_column="article")
    read = {source.read(item.member): item.label for item in source.items() if item.problem is None}
    assert read == expected
    assert problems(source) == {"labels.csv": "label_table"}
    by_folder = open_folder(FolderSettings(kind="folder_per_class", path=str(root)), tmp_path)
    known = {item.label for item in by_folder.items()}
    assert set(read.values()) == known
