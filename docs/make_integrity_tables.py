"""Write the table of findings into a page, between its two marks.

python docs/make_integrity_tables.py docs/integrity.md
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs.page_parts import PagePart  # noqa: E402, the path has to be set first
from tasks.findings import FINDINGS, REPAIRS, severity_of  # noqa: E402

TABLE = PagePart("table of findings", "docs/make_integrity_tables.py")


def findings_table() -> str:
    """Every code with what follows and its sentence, as Markdown."""
    rows = [f"| `{code}` | {_what_follows(code)} | {sentence} |" for code, sentence in FINDINGS.items()]
    return "\n".join(["| finding | what follows | what it is |", "|---|---|---|", *rows])


def _what_follows(code: str) -> str:
    return "repaired, or rejected if `refused_repairs` names it" if code in REPAIRS else severity_of(code)


def main() -> None:
    """Replace the table in the page that is named."""
    TABLE.replace_in(Path(sys.argv[1]), findings_table())


if __name__ == "__main__":
    main()
