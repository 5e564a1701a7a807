"""Parts of pages that are made by code: each lies between two marks, which are comments in Markdown."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PagePart:
    """A part of a page, e.g. a table. `maker` is the file that makes it, for whoever reads the page's source."""

    what: str
    maker: str

    def on_page(self, page: str) -> str:
        """The part as a page has it."""
        return page.partition(self._begin)[2].partition(self._end)[0].strip()

    def replace_in(self, path: Path, text: str) -> None:
        """Put `text` in its place. Raises ValueError if the page lacks the marks."""
        page = path.read_text(encoding="utf-8")
        before, begin, rest = page.partition(self._begin)
        _, end, after = rest.partition(self._end)
        if not (begin and end):
            raise ValueError(f"{path} has no marks {self._begin} and {self._end}; put them where the part belongs")
        path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")

    @property
    def _begin(self) -> str:
        return f"<!-- {self.what}: made by {self.maker} -->"

    @property
    def _end(self) -> str:
        return f"<!-- end of {self.what} -->"
