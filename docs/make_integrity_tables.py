"""Write the table of findings into a page, between its two marks.

python docs/make_integrity_tables.py docs/integrity.md
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tasks.findings import FINDINGS, REPAIRS, severity_of  # noqa: E402, the path has to be set first

BEGIN, END = (
    "<!-- table of findings: made by docs/make_integrity_tables.py -->",
    "<!-- end of the table of findings -->",
)


def findings_table() -> str:
    """Every code with what follows and its sentence, as Markdown."""
    rows = [f"| `{code}` | {_what_follows(code)} | {sentence} |" for code, sentence in FINDINGS.items()]
    return "\n".join(["| finding | what follows | what it is |", "|---|---|---|", *rows])


def on_page(page: str) -> str:
    """The table as a page has it."""
    return page.partition(BEGIN)[2].partition(END)[0].strip()


def _what_follows(code: str) -> str:
    return "repaired, or rejected if `refused_repairs` names it" if code in REPAIRS else severity_of(code)


def main() -> None:
    """Replace the table in the page that is named."""
    path = Path(sys.argv[1])
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n\n{findings_table()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
