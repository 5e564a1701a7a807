import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from datasets.errors import BadInput
from datasets.sources.label_pattern import LabelPatternSettings, open_label_pattern
from datasets.sources.path_pattern import fields_of


def opened(root, pattern):
    return open_label_pattern(LabelPatternSettings(kind="label_pattern", path=str(root), pattern=pattern), root / "-")


@pytest.fixture
def folder(tmp_path):
    """folder(*members) makes files, and gives their folder."""

    def make(*members):
        for member in members:
            path = tmp_path / "data" / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(member.encode())
        return tmp_path / "data"

    return make


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("{split}/{label}/*", "train/cat/1.png", {"split": "train", "label": "cat"}),
        ("{split}/{label}/*", "train/cat/a/1.png", None),
        ("{split}/{label}/*", "cat/1.png", None),
        ("{split}/{label}/**", "train/cat/1.png", {"split": "train", "label": "cat"}),
        ("{split}/{label}/**", "train/cat/a/b/1.png", {"split": "train", "label": "cat"}),
        ("{split}/{label}/**", "train/1.png", None),
        ("{label}/{group}/*.png", "cat/tom/1.png", {"label": "cat", "group": "tom"}),
        ("{label}/{group}/*.png", "cat/tom/1.jpg", None),
        ("**/{label}/*", "a/b/cat/1.png", {"label": "cat"}),
        ("**/{label}/*", "cat/1.png", {"label": "cat"}),
        ("**/{label}/*", "1.png", None),
        ("images/**/{label}/x/**", "images/a/cat/x/y/1.png", {"label": "cat"}),
        ("**/{label}_{*}.jpg", "great_pyrenees_12.jpg", {"label": "great_pyrenees"}),
        ("**/{label}_*.jpg", "a/cat_12.jpg", {"label": "cat"}),
        ("{group}-{label}-*", "7-cat-a.png", {"group": "7", "label": "cat"}),
        ("*{label}.png", "cat.png", {"label": "t"}),
        ("{label}.png", ".png", None),
        ("[a-z]+/{label}.(png)", "[a-z]+/cat.(png)", {"label": "cat"}),
        ("[a-z]+/{label}.(png)", "abc/cat.png", None),
        ("{label}/*", "é x\n/1.png", {"label": "é x\n"}),
        ("{label}/*", "cat/1.png\n", {"label": "cat"}),
        ("{label}/a*b", "cat/ab", {"label": "cat"}),
    ],
)
def test_what_a_path_says_by_a_pattern(pattern, path, found):
    assert fields_of(pattern, path) == found


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{label}//*", "'{label}//*' has an empty part, . or ..; give a pattern such as {split}/{label}/*"),
        ("/{label}/*", "'/{label}/*' has an empty part, . or ..; give a pattern such as {split}/{label}/*"),
        ("../{label}", "'../{label}' has an empty part, . or ..; give a pattern such as {split}/{label}/*"),
        ("", "'' has an empty part, . or ..; give a pattern such as {split}/{label}/*"),
        ("{class}/*", "'{class}/*' has {class}; allowed are {label}, {split}, {group}, * and **"),
        ("{}/*", "'{}/*' has {}; allowed are {label}, {split}, {group}, * and **"),
        ("{label}/{label}_*", "'{label}/{label}_*' has {label} twice; put * where it stands again"),
        ("*/*", "'*/*' reads nothing; put {label} where the label stands, e.g. {label}/*"),
        ("{label}/{*", "'{label}/{*' has a single {; a field is written {label}"),
        ("{label}}/*", "'{label}}/*' has a single }; a field is written {label}"),
        ("{label}/a**", "'{label}/a**' has ** beside other text; ** stands alone between slashes"),
        ("{label}/***", "'{label}/***' has *** beside other text; ** stands alone between slashes"),
        ("**/**/{label}/**", "'**/**/{label}/**' has ** more than twice; give the folders between"),
        ("{label}_*_*_*", "'{label}_*_*_*' has more than 3 fields and *; give more of its text"),
    ],
)
def test_patterns_that_are_none(pattern, message):
    with pytest.raises(ValidationError, match=re.escape(f"Value error, {message} ")):
        LabelPatternSettings(kind="label_pattern", path="x", pattern=pattern)


@given(st.text(), st.text())
def test_any_text_is_a_pattern_or_refused(pattern, path):
    try:
        found = fields_of(pattern, path)
    except ValueError:
        return
    assert found is None or set(found) <= {"label", "split", "group"}


def test_hostile_names_do_not_take_long():
    begin = time.process_time()
    parts = "/".join(["a" * 1000, "a" * 1000, "a" * 1000, "a"])
    assert fields_of("*a{label}a*/*a{group}a*/*a{split}a*/b", parts) is None
    assert fields_of("**/*a{label}b/**", "a/" * 500 + "a" * 1000) is None
    assert time.process_time() - begin < 5


def test_items_have_label_split_and_group(folder):
    root = folder("train/cat/tom/1.png", "val/dog/rex/1.png", "t10k/cat/tim/1.png")
    items = list(opened(root, "{split}/{label}/{group}/*").items())
    assert [(item.member, item.split, item.label, item.group) for item in items] == [
        ("t10k/cat/tim/1.png", "t10k", "cat", "tim"),
        ("train/cat/tom/1.png", "train", "cat", "tom"),
        ("val/dog/rex/1.png", "val", "dog", "rex"),
    ]
    assert {(item.problem, item.detail) for item in items} == {(None, None)}


def test_a_pattern_without_split_leaves_it_open(folder):
    (item,) = opened(folder("train/cat/1.png"), "*/{label}/*").items()
    assert (item.label, item.split, item.group) == ("cat", None, None)


def test_a_path_that_does_not_fit_is_a_problem(folder):
    items = {
        item.member: item for item in opened(folder("a/README.md", "train/cat/1.png"), "{split}/{label}/*").items()
    }
    item = items["a/README.md"]
    assert (item.problem, item.detail) == ("pattern_mismatch", "the pattern is {split}/{label}/*")


def test_the_word_for_a_split_is_passed_on_as_it_stands(folder):
    items = list(opened(folder("extra/cat/1.png", "train/cat/1.png"), "{split}/{label}/*").items())
    assert [(item.problem, item.split, item.label) for item in items] == [
        (None, "extra", "cat"),
        (None, "train", "cat"),
    ]


def test_problems_of_the_file_itself_come_first(folder):
    root = folder("cat/1.png", "cat/.DS_Store", ".git/x")
    (root / "cat" / "gone.png").symlink_to("nothing")
    listed = {item.member: item.problem for item in opened(root, "{label}/*").items()}
    assert listed == {
        "cat/1.png": None,
        "cat/.DS_Store": "hidden_file",
        ".git": "hidden_file",
        "cat/gone.png": "broken_link",
    }


def test_a_pattern_that_fits_nothing_is_told_with_an_example(folder):
    source = opened(folder("train/cat/1.png"), "{label}/*.png")
    with pytest.raises(BadInput, match=re.escape("pattern '{label}/*.png' fits no file; there is train/cat/1.png; ")):
        list(source.items())


def test_files_of_a_bucket_are_read(s3_bucket, tmp_path):
    s3_bucket.put("photos/train/cat_1.png", b"one")
    settings = LabelPatternSettings(kind="label_pattern", path=f"{s3_bucket.url}/photos", pattern="{split}/{label}_*")
    source = open_label_pattern(settings, tmp_path)
    (item,) = source.items()
    assert (item.label, item.split, source.read(item.member)) == ("cat", "train", b"one")
