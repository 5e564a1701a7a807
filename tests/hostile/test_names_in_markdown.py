"""Names and messages in data cards, exports and artifacts: a reader of Markdown shows them as they are."""

import json
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from datasets.tfds_layout import Index, Normalise, ShardEntry, ShardFeatures
from flows import artifacts
from tasks.export.card import card
from tasks.visible_text import as_markdown
from tests.tasks.report.conftest import Workspace

NAMES = {  # as somebody wrote it -> as people see it
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))": "[x](javascript:alert(1))",
    "![x](http://a.example/pixel.png)": "![x](http://a.example/pixel.png)",
    "[x]: http://a.example": "[x]: http://a.example",
    "<http://a.example>": "<http://a.example>",
    "a|b\\|c": "a|b\\|c",
    "`code` *stars* __lines__ ~~no~~ $x$": "`code` *stars* __lines__ ~~no~~ $x$",
    "snake_case R&D &lt;b&gt; &#60;": "snake_case R&D &lt;b&gt; &#60;",
    "# title\n\n---\n- list": "# title --- - list",
    "{{7*7}}": "{{7*7}}",
    "gpj.\u202eexe \x1b[2J": "gpj.\\u202eexe \\x1b[2J",
    "zero\u200bwidth \\": "zero\\u200bwidth \\",
}
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Read(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, *attrs))

    def handle_data(self, data):
        self.texts.append(data)


def read(markdown):
    return Read(READER.render(markdown))


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=ascii)
def test_a_name_in_a_line_is_text(name, shown):
    page = read(f"name: {as_markdown(name)} end")
    assert (page.elements, "".join(page.texts).strip()) == ([("p",)], f"name: {shown} end")


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=ascii)
def test_a_name_in_a_cell_stays_in_its_cell(name, shown):
    page = read(f"| class | n |\n|---|---|\n| {as_markdown(name)} | 3 |\n")
    cells = [element[0] for element in page.elements if element[0] not in ("table", "thead", "tbody", "tr")]
    assert cells == ["th", "th", "td", "td"]
    assert "".join(page.texts).split("\n")[-5:-3] == [shown, "3"] or f"{shown}\n3\n" in "".join(page.texts)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("run"), classes=("shoe", *NAMES))
    workspace.prepare(per_class=2)
    return workspace.record(message=" ".join(NAMES))


def test_the_summary_of_a_run_shows_names_as_text(record, tmp_path):
    page = read(artifacts.summary(record, tmp_path / "report.html"))
    allowed = {"h1", "blockquote", "p", "ul", "li", "strong", "code", "table", "thead", "tbody", "tr", "th", "td"}
    assert {element[0] for element in page.elements} <= allowed | {"img"}
    sources = [value for tag, *attributes in page.elements for name, value in attributes if name == "src"]
    assert sources and all(source.startswith("data:image/") for source in sources)
    assert all(shown in "".join(page.texts) for shown in NAMES.values())


def test_cells_of_tables_which_the_ui_reads_as_markdown_are_escaped(record, monkeypatch):
    made = []
    monkeypatch.setattr(artifacts, "create_table_artifact", lambda rows, **_: made.append(rows))
    record["stages"][0]["why"] = "[x](javascript:alert(1))"
    artifacts.ArtifactObserver(None, "things")._table("stages", record)
    assert made[0][0]["why"] == r"\[x\](javascript:alert(1))"


def test_the_card_of_an_export_shows_what_a_stranger_wrote_as_text():
    index = Index(
        name="[x](javascript:alert(1))",
        version="1.0.0",
        content_digest="ab" * 32,
        features=ShardFeatures(32, 32, 3, "png", tuple(NAMES)),
        normalise=Normalise(mean=(0.5,), std=(0.2,)),
        splits={"train": (ShardEntry(file="a", records=1, bytes=1, sha256="ab" * 32),)},
        lineage={"kind": "real"},
        files={},
    )
    text = card(index, "parquet", {"train|<b>": 1}, "<script>alert(1)</script>")
    page = read(text.partition("\n---\n\n")[2])
    assert {element[0] for element in page.elements} <= {"h1", "p", "code", "table", "thead", "tbody", "tr", "th", "td"}
    assert json.dumps("Licence of the images: <script>alert(1)</script>.") == json.dumps(page.texts[-2])
