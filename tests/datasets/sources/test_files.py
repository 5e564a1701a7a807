import pickle
import re

import pytest

from datasets.errors import BadInput
from datasets.sources.base import SourceItem
from datasets.sources.files import FlatFolder, FolderPerClass
from datasets.sources.trees.local_folder import LocalFolder


@pytest.fixture
def root(tmp_path):
    for member in ("cat/1.png", "cat/indoors/2.png", "dog/1.png", "README"):
        path = tmp_path / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(member.encode())
    (tmp_path / "cat" / ".DS_Store").write_bytes(b"")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "dog" / "gone.png").symlink_to("nothing")
    return tmp_path


def test_the_label_is_the_first_folder(root):
    items = FolderPerClass("pets", LocalFolder(root)).items()
    labels = {item.member: item.label for item in items if item.problem != "hidden_file"}
    assert labels == {
        "README": None,
        "cat/1.png": "cat",
        "cat/indoors/2.png": "cat",
        "dog/1.png": "dog",
        "dog/gone.png": "dog",
    }


def test_a_flat_folder_has_no_labels(root):
    assert {item.label for item in FlatFolder("pets", LocalFolder(root)).items()} == {None}


def test_an_item_has_everything_the_folder_knows(root):
    item = next(item for item in FolderPerClass("pets", LocalFolder(root)).items() if item.member == "dog/1.png")
    status = (root / "dog" / "1.png").stat()
    assert item == SourceItem(
        member="dog/1.png",
        size_bytes=9,
        version_tag=str(status.st_mtime_ns),
        label="dog",
        origin=f"file:{root.name}/dog/1.png",
    )


def test_what_cannot_be_read_is_an_item_with_a_problem(root):
    problems = {item.member: item.problem for item in FlatFolder("pets", LocalFolder(root)).items() if item.problem}
    assert problems == {".cache": "hidden_file", "cat/.DS_Store": "hidden_file", "dog/gone.png": "broken_link"}


def test_items_lists_again_in_the_same_order(root):
    source = FolderPerClass("pets", LocalFolder(root))
    assert list(source.items()) == list(source.items())


def test_read_gives_the_bytes(root):
    assert FolderPerClass("pets", LocalFolder(root)).read("cat/indoors/2.png") == b"cat/indoors/2.png"


@pytest.mark.parametrize("member", ["../secret", "/etc/hostname", "cat/../../secret"])
def test_read_stays_in_the_folder(root, member):
    sentence = f"got member {member!r}; members are paths below {root}, as `items` gives them"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        FlatFolder("pets", LocalFolder(root)).read(member)


def test_read_of_a_file_that_is_gone_raises_what_the_system_says(root):
    with pytest.raises(FileNotFoundError):
        FlatFolder("pets", LocalFolder(root)).read("dog/gone.png")


def test_a_source_can_be_sent_to_a_worker(root):
    source = FolderPerClass("pets", LocalFolder(root))
    assert pickle.loads(pickle.dumps(source)) == source
