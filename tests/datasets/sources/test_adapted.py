"""What settings of any source change in its listing: labels and licences."""

import pickle
from dataclasses import dataclass, replace

import pytest
from pydantic import ValidationError

from datasets.sources import Source, SourceItem, open_source, source_settings
from datasets.sources.adapted import Adapted

CAT = SourceItem(member="1.png", size_bytes=3, version_tag="t", label="cat", group="g", origin="file:1.png")


@dataclass(frozen=True)
class Listed(Source):
    """A source of given items, which is not fetched, and has downloads to try again."""

    name: str
    listed: tuple[SourceItem, ...]

    @property
    def is_fetched(self):
        return False

    def fetch(self, progress):
        progress(1, 2)

    def identity(self):
        return "identity"

    def unfinished(self):
        return "2 downloads failed"

    def items(self):
        return iter(self.listed)

    def read(self, member):
        return member.encode()


def adapted(*items, labels=None, licence=None, words=None):
    return list(Adapted("pets", Listed("pets", items), labels or {}, licence, words or {}).items())


def test_a_label_is_renamed_and_nothing_else_changes():
    assert adapted(CAT, labels={"cat": "feline"}) == [replace(CAT, label="feline")]


def test_two_labels_may_become_one():
    found = adapted(CAT, replace(CAT, label="kitten"), labels={"kitten": "cat"})
    assert [item.label for item in found] == ["cat", "cat"]


def test_labels_may_be_exchanged():
    found = adapted(CAT, replace(CAT, label="dog"), labels={"cat": "dog", "dog": "cat"})
    assert [item.label for item in found] == ["dog", "cat"]


def test_a_label_that_is_left_out_keeps_its_row():
    detail = "label cat is left out by source.labels"
    assert adapted(CAT, labels={"cat": None}) == [replace(CAT, problem="label_left_out", detail=detail)]


def test_a_problem_of_the_item_itself_comes_first():
    broken = replace(CAT, problem="broken_link")
    assert adapted(broken, labels={"cat": None}) == [replace(broken, label=None)]


def test_items_without_a_label_stay_so():
    unlabelled = replace(CAT, label=None)
    assert adapted(unlabelled, labels={"cat": None, "None": "x"}) == [unlabelled]


def test_a_licence_is_given_only_to_what_has_none():
    found = adapted(CAT, replace(CAT, licence="MIT"), licence="CC0-1.0")
    assert [item.licence for item in found] == ["CC0-1.0", "MIT"]


def test_all_else_is_that_of_the_source():
    source = Adapted("pets", Listed("pets", (CAT,)), {}, None)
    told = []
    source.fetch(lambda *numbers: told.append(numbers))
    assert (source.is_fetched, source.identity(), source.unfinished()) == (False, "identity", "2 downloads failed")
    assert (source.read("1.png"), told) == (b"1.png", [(1, 2)])


@pytest.mark.parametrize("field", ["member", "group", "licence", "caption", "origin", "detail"])
def test_texts_that_utf8_cannot_hold_are_written_out(field):
    (item,) = adapted(replace(CAT, **{field: "caf\u00e9 \ud800"}))
    assert getattr(item, field) == "caf\u00e9 \\ud800"


@pytest.mark.parametrize(("label", "written"), [("a\nb", "a\\nb"), ("\ud800", "\\ud800"), ("\x1b[2J", "\\x1b[2J")])
def test_a_label_that_cannot_name_a_class_is_a_problem(label, written):
    (item,) = adapted(replace(CAT, label=label))
    assert (item.label, item.problem, item.detail) == (
        written,
        "bad_label",
        f"label {written} holds control characters",
    )


def test_labels_are_stripped():
    assert [item.label for item in adapted(replace(CAT, label=" cat\n"), replace(CAT, label=" "))] == ["cat", None]


def test_a_label_with_control_characters_can_be_renamed():
    assert [item.label for item in adapted(replace(CAT, label="a\nb"), labels={"a\nb": "ab"})] == ["ab"]


@pytest.mark.parametrize(("word", "split"), [("val", "validation"), (" Test ", "test"), ("train", "train")])
def test_other_words_for_splits_are_known(word, split):
    (item,) = adapted(replace(CAT, split=word))
    assert (item.split, item.problem) == (split, None)


def test_an_unknown_split_is_a_problem():
    (item,) = adapted(replace(CAT, split="holdout"))
    detail = "its source says split 'holdout', which source.split_words can translate"
    assert (item.split, item.problem, item.detail) == (None, "unknown_split", detail)


def test_words_for_splits_can_be_translated_or_left_to_the_shares():
    words = {"holdout": "test", "extra": None, "train": "validation"}
    items = adapted(*[replace(CAT, split=word) for word in (" holdout", "extra", "train", "val")], words=words)
    assert [item.split for item in items] == ["test", None, "validation", "validation"]
    assert {item.problem for item in items} == {None}


def test_a_word_is_translated_to_a_split_alone():
    with pytest.raises(ValidationError, match="Input should be 'train', 'validation' or 'test'"):
        source_settings(kind="flat_folder", path="x", split_words={"holdout": "tset"})


def test_an_adapted_source_can_be_sent_to_another_process(tmp_path):
    (tmp_path / "1.png").write_bytes(b"x")
    settings = source_settings(path=tmp_path, kind="flat_folder", labels={"a": "b"}, licence="MIT")
    source = open_source(settings, tmp_path)
    assert list(pickle.loads(pickle.dumps(source)).items()) == list(source.items())


def test_labels_that_are_numbers_may_be_written_as_such(tmp_path):
    assert source_settings(path=tmp_path, labels={0: "shirt", 1: None, "2": 3}).labels == {
        "0": "shirt",
        "1": None,
        "2": "3",
    }


@pytest.mark.parametrize("label", [True, 1.5, ["a"]])
def test_labels_that_are_neither_text_nor_whole_numbers_are_refused(tmp_path, label):
    with pytest.raises(ValidationError, match="valid string"):
        source_settings(path=tmp_path, labels={"cat": label})
