import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.sources.trees.archive_names import is_hidden, safe_name
from datasets.sources.trees.member_table import MemberTable

LIKELY_TEXT = st.text(st.sampled_from("ab./\\~2:\x00\x1f\x85é\udcff "), max_size=8)


def table_of(names: list[str]) -> MemberTable:
    table = MemberTable()
    for name in names:
        table.add(name, 1, None)
    table.seal()
    return table


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat/1.png", "cat/1.png"),
        ("./cat//1.png", "cat/1.png"),
        (r"cat\indoors\1.png", "cat/indoors/1.png"),
        ("cat/..1.png", "cat/..1.png"),
        ("cat: a name.png", "cat: a name.png"),
    ],
)
def test_safe_names_are_made_posix_paths(name, shown):
    assert safe_name(name) == (shown, True)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../1.png", r"\x2e\x2e/1.png"),
        (r"a\..\..\1.png", r"a/\x2e\x2e/\x2e\x2e/1.png"),
        ("/etc/passwd", r"\x2fetc/passwd"),
        (r"\\server\share\1.png", r"\x2fserver/share/1.png"),
        (r"C:\1.png", r"C\x3a/1.png"),
        ("c:1.png", r"c\x3a1.png"),
        ("a\0b.png", r"a\x00b.png"),
        ("a\nb\x9b.png", r"a\x0ab\x9b.png"),
        ("", r"\x2e"),
        ("./", r"\x2e"),
    ],
)
def test_unsafe_names_are_shown_escaped(name, shown):
    assert safe_name(name) == (shown, False)


@pytest.mark.parametrize("name", [".a.png", "cat/.a.png", ".git/a.png", "cat/.b/a.png", "__MACOSX/cat/a.png"])
def test_a_dot_anywhere_at_the_beginning_of_a_part_hides(name):
    assert is_hidden(name)


@pytest.mark.parametrize("name", ["a.png", "cat/a.b/1.png", "my__MACOSX/a.png", "a/b__MACOSX/1.png"])
def test_other_dots_do_not_hide(name):
    assert not is_hidden(name)


def test_later_files_of_a_name_get_names_that_no_other_has():
    table = table_of(["a", "b", "a", "a~2", "./a", "a"])
    assert [table.name(number) for number in range(6)] == ["a", "b", "a~3", "a~2", "a~4", "a~5"]
    assert [table.problem(number) for number in range(6)] == [
        None,
        None,
        "duplicate_name",
        None,
        "duplicate_name",
        "duplicate_name",
    ]


def test_names_that_are_no_utf8_are_shown_escaped_and_cannot_be_read():
    table = table_of(["caf\udce9.png"])
    assert (table.name(0), table.problem(0)) == (r"caf\xe9.png", "name_not_utf8")


def test_a_problem_of_the_name_comes_before_others():
    table = MemberTable()
    table.add("../a", 1 << 40, "archive_link")
    table.seal()
    assert table.problem(0) == "unsafe_name"


def test_many_files_of_one_name_cost_no_more_than_of_many_names():
    table = table_of(["a"] * 20_000)
    assert table.name(19_999) == "a~20000"


@given(st.lists(st.one_of(LIKELY_TEXT, st.text(max_size=5))))
def test_every_file_is_found_by_its_name_alone(names):
    table = table_of(names)
    shown = [table.name(number) for number in range(len(names))]
    assert [table.find(name) for name in shown] == list(range(len(names)))


@given(LIKELY_TEXT)
def test_what_is_shown_leads_nowhere(name):
    shown = table_of([name]).name(0)
    parts = shown.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert shown.encode("utf-8").decode("utf-8").isprintable()


@given(st.lists(LIKELY_TEXT, max_size=5), LIKELY_TEXT)
def test_a_name_that_is_not_there_is_not_found(names, other):
    table = table_of(names)
    known = {table.name(number) for number in range(len(names))}
    assert (table.find(other) is not None) == (other in known)
