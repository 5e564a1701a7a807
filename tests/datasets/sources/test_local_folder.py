import os
import socket
import subprocess
from pathlib import Path

import pytest

from datasets.sources.trees.file_tree import TreeFile
from datasets.sources.trees.local_folder import list_files, text_of


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def problems(root: Path) -> dict[str, str | None]:
    return {file.member: file.problem for file in list_files(root)}


def test_files_at_any_depth_sorted_folder_by_folder(tmp_path):
    for member in ("b/2.png", "b/10.png", "a.png", "b/a/z.png", "B.png", "a/1.png"):
        touch(tmp_path / member)
    listed = [file.member for file in list_files(tmp_path)]
    assert listed == ["B.png", "a/1.png", "a.png", "b/10.png", "b/2.png", "b/a/z.png"]


def test_size_and_time_are_those_of_the_file(tmp_path):
    path = touch(tmp_path / "a.png", b"12345")
    os.utime(path, ns=(1, 1_700_000_000_000_000_001))
    assert list(list_files(tmp_path)) == [TreeFile("a.png", 5, "1700000000000000001")]


def test_dot_files_and_dot_folders_are_marked_and_not_entered(tmp_path):
    touch(tmp_path / ".DS_Store")
    touch(tmp_path / ".git" / "config")
    touch(tmp_path / "a" / "._1.png")
    assert [(file.member, file.problem) for file in list_files(tmp_path)] == [
        (".DS_Store", "hidden_file"),
        (".git", "hidden_file"),
        ("a/._1.png", "hidden_file"),
    ]


def test_links_are_followed(tmp_path):
    touch(tmp_path / "elsewhere" / "1.png", b"12345")
    root = tmp_path / "root"
    root.mkdir()
    (root / "file.png").symlink_to(tmp_path / "elsewhere" / "1.png")
    (root / "folder").symlink_to(tmp_path / "elsewhere")
    assert [(file.member, file.size_bytes) for file in list_files(root)] == [("file.png", 5), ("folder/1.png", 5)]


def test_a_folder_linked_twice_is_listed_twice(tmp_path):
    touch(tmp_path / "a" / "1.png")
    (tmp_path / "b").symlink_to("a")
    assert problems(tmp_path) == {"a/1.png": None, "b/1.png": None}


def test_a_link_to_a_folder_that_holds_it_is_a_problem(tmp_path):
    touch(tmp_path / "a" / "b" / "1.png")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "top").symlink_to(".")
    assert problems(tmp_path) == {"a/b/1.png": None, "a/b/up": "symlink_loop", "top": "symlink_loop"}


def test_a_link_to_nothing_is_a_problem(tmp_path):
    (tmp_path / "a.png").symlink_to("gone.png")
    (tmp_path / "b.png").symlink_to("b.png")
    assert problems(tmp_path) == {"a.png": "broken_link", "b.png": "broken_link"}


def test_pipes_and_sockets_are_problems_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as unix_socket:
        unix_socket.bind(os.path.relpath(tmp_path / "socket.png"))
        assert problems(tmp_path) == {"pipe.png": "not_a_regular_file", "socket.png": "not_a_regular_file"}


def test_names_that_are_not_utf8_are_problems_with_a_name_that_can_be_written(tmp_path):
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/1.png")))
    touch(tmp_path / "café.png")
    assert problems(tmp_path) == {"caf\\xe9/1.png": "name_not_utf8", "café.png": None}


def test_a_root_whose_own_name_is_not_utf8_is_no_problem(tmp_path):
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    touch(root / "1.png")
    assert problems(root) == {"1.png": None}


def test_names_with_line_breaks_and_backslashes_are_kept(tmp_path):
    touch(tmp_path / "a\nb.png")
    touch(tmp_path / "a\\b.png")
    assert problems(tmp_path) == {"a\nb.png": None, "a\\b.png": None}


@pytest.fixture
def nested(tmp_path):
    """nested(name, depth) makes folders of that name within each other, deeper than a path may be long."""

    def make(name: str, depth: int) -> None:
        here = Path.cwd()
        os.chdir(tmp_path)
        try:
            for _ in range(depth):
                Path(name).mkdir()
                os.chdir(name)
            Path("1.png").touch()
        finally:
            os.chdir(here)

    yield make
    # Python's own removal of folders recurses.
    subprocess.run(["rm", "-rf", str(tmp_path)], check=True)


def test_a_folder_too_deep_to_be_reached_is_a_problem_and_the_rest_is_listed(tmp_path, nested):
    touch(tmp_path / "z.png")
    nested("d" * 250, depth=20)
    listed = problems(tmp_path)
    assert list(listed.values()) == ["unreadable_file", None]
    assert list(listed)[-1] == "z.png"


def test_folders_deeper_than_the_interpreter_recurses(tmp_path, nested):
    nested("d", depth=1200)
    assert problems(tmp_path) == {"d/" * 1200 + "1.png": None}


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may list any folder")
def test_a_folder_that_may_not_be_listed_is_a_problem(tmp_path):
    (tmp_path / "a").mkdir(mode=0)
    assert problems(tmp_path) == {"a": "unreadable_folder"}


def test_a_folder_that_is_gone_is_one_problem(tmp_path):
    assert problems(tmp_path / "gone") == {".": "unreadable_folder"}


def test_text_of_a_name_that_is_utf8_is_the_name():
    assert text_of("été \\xff") == "été \\xff"
