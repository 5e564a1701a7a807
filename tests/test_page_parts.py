"""Parts of pages that code makes are put between their marks, and nowhere else."""

import re

import pytest

from docs.page_parts import PagePart

PART = PagePart("table of fruit", "docs/make_fruit.py")
PAGE = (
    "# Fruit\n\n<!-- table of fruit: made by docs/make_fruit.py -->\n\nold\n\n<!-- end of table of fruit -->\n\nEnd.\n"
)


def test_a_part_is_replaced_and_the_rest_of_the_page_stays(tmp_path):
    (tmp_path / "page.md").write_text(PAGE)
    PART.replace_in(tmp_path / "page.md", "| apple |")
    assert (tmp_path / "page.md").read_text() == PAGE.replace("old", "| apple |")


def test_a_part_is_read_back_from_a_page():
    assert PART.on_page(PAGE) == "old"


def test_a_page_without_the_marks_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Fruit\n")
    begin, end = "<!-- table of fruit: made by docs/make_fruit.py -->", "<!-- end of table of fruit -->"
    expected = f"{page} has no marks {begin} and {end}; put them where the part belongs"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        PART.replace_in(page, "| apple |")
    assert page.read_text() == "# Fruit\n"
