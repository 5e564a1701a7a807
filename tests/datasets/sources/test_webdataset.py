import gzip
import io
import json
import pickle
import re
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.sources.base import PROBLEMS, SourceItem
from datasets.sources.webdataset import WebDatasetSettings, key_and_extension, open_webdataset


def tar_bytes(files):
    """Files in the order given, as (name, bytes); the same name may come again."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, payload in files:
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
    return out.getvalue()


def source_of(path, **settings):
    values = {"kind": "webdataset", "path": str(path), **settings}
    return open_webdataset(WebDatasetSettings(**values), Path(str(path) + ".cache"))


@pytest.fixture
def items_of(tmp_path):
    """items_of(files, **settings) -> the items of one shard."""

    def items(files, **settings):
        (tmp_path / "pets.tar").write_bytes(tar_bytes(files))
        return list(source_of(tmp_path / "pets.tar", **settings).items())

    return items


def test_an_item_has_everything_the_sample_says(tmp_path):
    shard = tmp_path / "pets-train-000.tar"
    meta = json.dumps({"label": "cat", "person": 7, "licence": "CC0-1.0", "other": [1]}).encode()
    shard.write_bytes(tar_bytes([("a/1.json", meta), ("a/1.jpg", b"image"), ("a/1.txt", "été\n".encode())]))
    source = source_of(shard, group_field="person", licence_field="licence")
    status = shard.stat()
    assert list(source.items()) == [
        SourceItem(
            member="pets-train-000/a/1.jpg",
            size_bytes=5,
            version_tag=f"{status.st_size}-{status.st_mtime_ns}",
            label="cat",
            group="7",
            licence="CC0-1.0",
            caption="été",
            split="train",
            origin="tar:pets-train-000.tar!/a/1.jpg",
        )
    ]
    assert source.read("pets-train-000/a/1.jpg") == b"image"


@pytest.mark.parametrize(
    ("payload", "names", "label"),
    [
        (b"3\n", None, "3"),
        (b" dog ", None, "dog"),
        (b"1", ["cat", "dog"], "dog"),
        (b"cat", ["cat", "dog"], "cat"),
        (b"-1", ["cat", "dog"], "-1"),
        (b" \n", None, None),
    ],
)
def test_the_label_from_cls(items_of, payload, names, label):
    (item,) = items_of([("1.cls", payload), ("1.png", b"x")], class_names=names)
    assert (item.label, item.problem) == (label, None)


@pytest.mark.parametrize(
    ("value", "label"), [("cat", "cat"), (2, "bird"), (2.0, "bird"), (True, "true"), (None, None), ("", None)]
)
def test_the_label_from_json(items_of, value, label):
    files = [("1.json", json.dumps({"class": value}).encode()), ("1.png", b"x")]
    (item,) = items_of(files, label_field="class", class_names=["cat", "dog", "bird"])
    assert (item.label, item.problem) == (label, None)


def test_the_split_from_json_comes_before_the_shards_name(items_of):
    files = [("1.json", b'{"part": "holdout"}'), ("1.png", b"x")]
    (item,) = items_of(files, split_field="part")
    assert (item.split, item.problem) == ("holdout", None)


def test_cls_comes_before_json(items_of):
    (item,) = items_of([("1.cls", b"dog"), ("1.json", b'{"label": "cat"}'), ("1.png", b"x")])
    assert item.label == "dog"


@pytest.mark.parametrize(
    ("name", "payload", "fault"),
    [
        ("1.cls", b"\xff", "not UTF-8 text (invalid start byte at byte 0)"),
        ("1.cls", b"2", "its class is 2, but class_names has 2 names, from 0 on"),
        ("1.cls", b"x" * (1 << 20) + b"x", "it has more than 1 MiB"),
        ("1.json", b"{", "not JSON (Expecting property name enclosed in double quotes at character 1)"),
        ("1.json", b"[1]", "a JSON list, not an object"),
        ("1.json", b'{"label": ["a"]}', "its field 'label' is a JSON list, not a text or whole number"),
        ("1.json", b'{"label": 0.5}', "its field 'label' is a JSON float, not a text or whole number"),
        ("1.txt", b"\xff", "not UTF-8 text (invalid start byte at byte 0)"),
    ],
)
def test_an_image_whose_side_file_cannot_be_used_has_a_problem(items_of, name, payload, fault):
    (item,) = items_of([(name, payload), ("1.png", b"x")], class_names=["cat", "dog"])
    assert (item.member, item.label, item.problem) == ("pets/1.png", None, "bad_side_file")
    assert item.detail == f"{name}: {fault}; correct it"


def test_json_that_is_nested_too_deep_is_no_crash(items_of):
    (item,) = items_of([("1.json", b"[" * 500_000), ("1.png", b"x")])
    assert item.problem == "bad_side_file"


def test_every_image_of_a_sample_is_an_item(items_of):
    files = [("1.left.png", b"l"), ("1.right.png", b"r"), ("1.cls", b"cat"), ("2.jpg", b"2")]
    found = [(item.member, item.label) for item in items_of(files)]
    assert found == [("pets/1.left.png", "cat"), ("pets/1.right.png", "cat"), ("pets/2.jpg", None)]


def test_image_extensions_choose_among_the_images(items_of):
    files = [("1.left.PNG", b"l"), ("1.mask.png", b"m"), ("1.jpg", b"j")]
    assert [item.member for item in items_of(files, image_extensions=["left.png"])] == ["pets/1.left.PNG"]


def test_a_sample_without_images_is_one_item(items_of):
    files = [("1.cls", b"cat"), ("1.json", b"{}"), ("2.png", b"x"), ("README", b"read me")]
    found = [(item.member, item.problem) for item in items_of(files)]
    assert found == [("pets/1.cls", "no_image"), ("pets/2.png", None), ("pets/README", "no_image")]


def test_only_consecutive_files_are_one_sample(items_of):
    files = [("1.png", b"x"), ("2.png", b"y"), ("1.cls", b"cat")]
    found = [(item.member, item.label, item.problem) for item in items_of(files)]
    assert found == [("pets/1.png", None, None), ("pets/2.png", None, None), ("pets/1.cls", None, "no_image")]


def test_a_second_file_of_the_same_name_is_named_apart(items_of):
    found = [(item.member, item.problem) for item in items_of([("1.png", b"x"), ("2.png", b"y"), ("1.png", b"z")])]
    assert found == [("pets/1.png", None), ("pets/2.png", None), ("pets/1.png~2", "duplicate_name")]


def test_the_same_key_in_two_shards_is_two_members(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.tar").write_bytes(tar_bytes([("1.png", name.encode())]))
    source = source_of(tmp_path)
    assert {item.member: source.read(item.member) for item in source.items()} == {"a/1.png": b"a", "b/1.png": b"b"}


def test_links_and_names_that_lead_out_are_items_with_a_problem(tmp_path):
    out = io.BytesIO(tar_bytes([("../1.png", b"x"), (".hidden.png", b"x")]))
    with tarfile.open(fileobj=out, mode="a") as tar:
        link = tarfile.TarInfo("2.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    problems = [item.problem for item in source_of(tmp_path / "a.tar").items()]
    assert problems == ["unsafe_name", "hidden_file", "archive_link"]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("pets-train-0001", "train"),
        ("train0001", "train"),
        ("val_00", "validation"),
        ("DEV.3", "validation"),
        ("t10k-7", "test"),
        ("constraint-1", None),
        ("train-test", None),
        ("00001", None),
    ],
)
def test_the_split_from_the_shards_name(tmp_path, name, split):
    (tmp_path / f"{name}.tar").write_bytes(tar_bytes([("1.png", b"x")]))
    assert [item.split for item in source_of(tmp_path).items()] == [split]


def test_the_split_can_be_left_alone(tmp_path):
    (tmp_path / "train.tar").write_bytes(tar_bytes([("1.png", b"x")]))
    assert [item.split for item in source_of(tmp_path, split_from_name=False).items()] == [None]


@pytest.fixture
def ten_shards(tmp_path):
    for number in range(8, 18):
        (tmp_path / f"train-{number:03d}.tar").write_bytes(tar_bytes([("1.png", b"x")]))
    return tmp_path


@pytest.mark.parametrize(
    ("path", "count"), [("train-{009..011}.tar", 3), ("train-{00,01}.tar", None), ("train-01*.tar", 8), (".", 10)]
)
def test_a_range_a_glob_and_a_folder(ten_shards, path, count):
    if count is None:
        with pytest.raises(BadInput, match="no such file or folder"):
            source_of(ten_shards / path)
    else:
        assert len(list(source_of(ten_shards / path).items())) == count


def test_a_range_with_gaps_is_refused(ten_shards):
    path = ten_shards / "train-{016..020}.tar"
    sentence = (
        f"{path}: 3 of 5 shards are missing (train-018.tar, train-019.tar, train-020.tar); copy them, or give "
        "the range of those there are"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source_of(path)


@pytest.mark.parametrize("range_text", ["{3..1}", "{0..999999999999}", "{0..999}{0..999}"])
def test_a_range_that_cannot_be_meant_is_refused(tmp_path, range_text):
    path = tmp_path / f"{range_text}.tar"
    wrong = "{" + range_text.rpartition("{")[2]
    sentence = f"{path}: a range goes upwards and gives at most 100000 shards; correct {wrong}"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source_of(path)


def test_shards_of_one_name_in_several_folders_are_told_apart(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0.tar").write_bytes(tar_bytes([("1.png", folder.encode())]))
    source = source_of(tmp_path / "*" / "0.tar")
    assert {item.member: source.read(item.member) for item in source.items()} == {
        "x__0.tar/1.png": b"x",
        "y__0.tar/1.png": b"y",
    }


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nothing.tar", "no such file or folder; give a tar, a folder of tars, train-*.tar or train-{000..009}.tar"),
        ("x*.tar", "no file fits this pattern; give the tar shards of a WebDataset"),
        ("", "no tar in it (.tar, .tar.gz, .tgz, .tar.bz2, .tar.xz); give the folder of a WebDataset's shards"),
        ("text", "no tar archive; give the tar shards of a WebDataset"),
    ],
)
def test_what_is_no_webdataset_is_refused(tmp_path, path, sentence):
    (tmp_path / "text").write_text("no tar\n" * 300)
    path = tmp_path / path
    with pytest.raises(BadInput, match=f"^{re.escape(f'{path}: {sentence}')}$"):
        source_of(path)


def test_a_url_is_refused():
    sentence = "s3://bucket/a.tar: a WebDataset is read from this machine only; download it and give its path"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source_of("s3://bucket/a.tar")


def test_a_compressed_shard_is_fetched_first(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(tar_bytes([("1.cls", b"cat"), ("1.png", b"x")])))
    source = source_of(path)
    assert not source.is_fetched
    told = []
    source.fetch(lambda done, total: told.append((done, total)))
    assert source.is_fetched
    assert (told[0], told[-1]) == ((0, 1), (1, 1))
    assert [(item.member, item.label, source.read(item.member)) for item in source.items()] == [
        ("a/1.png", "cat", b"x")
    ]


@pytest.mark.parametrize("member", ["pets/2.png", "other/1.png", "pets/../pets.tar", "", "pets/1.png/"])
def test_an_unknown_member_is_an_error_of_the_system(tmp_path, member):
    (tmp_path / "pets.tar").write_bytes(tar_bytes([("1.png", b"x")]))
    with pytest.raises(OSError):
        source_of(tmp_path / "pets.tar").read(member)


def test_the_identity_changes_with_shards_and_settings(ten_shards):
    first = source_of(ten_shards).identity()
    assert source_of(ten_shards).identity() == first
    assert source_of(ten_shards, class_names=["cat"]).identity() != first
    (ten_shards / "train-008.tar").write_bytes(tar_bytes([("1.png", b"longer" * 2000)]))
    assert source_of(ten_shards).identity() != first


def test_a_source_can_be_sent_to_a_worker(ten_shards):
    source = source_of(ten_shards)
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source
    assert copy.read("train-010/1.png") == b"x"


def test_the_key_ends_at_the_first_dot_of_the_last_part():
    assert key_and_extension("a.b/c.Left.PNG") == ("a.b/c", "left.png")


NAMES = st.text(st.sampled_from("ab./"), min_size=1, max_size=6).map(lambda text: text.lstrip("/") or "a")
ENDINGS = st.sampled_from(["", ".png", ".cls", ".json", ".txt", ".left.jpg"])


@given(st.lists(st.tuples(NAMES, ENDINGS, st.binary(max_size=12)), min_size=1, max_size=8))
def test_any_archive_gives_unique_members_and_loses_no_image(files):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tar"
        path.write_bytes(tar_bytes([(name + ending, payload) for name, ending, payload in files]))
        source = source_of(path)
        items = list(source.items())
        members = [item.member for item in items]
        assert len(set(members)) == len(members)
        assert {item.problem for item in items} <= {None, *PROBLEMS}
        assert len(items) >= sum(ending in (".png", ".left.jpg") for _, ending, _ in files)
        for item in items:
            if item.problem is None:
                assert len(source.read(item.member)) == item.size_bytes
