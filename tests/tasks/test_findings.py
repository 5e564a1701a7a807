import re
from pathlib import Path

from datasets.sources.base import PROBLEMS
from docs.make_integrity_tables import TABLE, findings_table
from tasks.findings import FINDINGS, NOTES, REJECTS, REPAIRS, severity_of

ROOT = Path(__file__).resolve().parents[2]
CALLS = re.compile(
    r'(?:(?:Finding|Rejected|Undecodable)\(|(?:rejected_row|\.reject|\.add|_drop_copy)\(\w+, )"([a-z_]+)"'
)


def test_every_code_that_the_stages_give_is_explained():
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tasks").rglob("*.py"))]
    given = {code for source in sources for code in CALLS.findall(source)}
    assert len(given) > 20
    assert given - set(FINDINGS) == set()
    assert set(PROBLEMS) <= set(FINDINGS)


SEVERITIES = re.compile(
    r'Finding\("([a-z_]+)", "(repair|note)"|(?:Rejected|rejected_row|\.reject)\((?:\w+, )?"([a-z_]+)"'
)


def test_severities_are_those_that_the_stages_give():
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tasks").rglob("*.py"))]
    given = {call for source in sources for call in SEVERITIES.findall(source)}
    assert {code for code, severity, _ in given if severity == "repair"} == REPAIRS
    assert {code for code, severity, _ in given if severity == "note"} <= NOTES
    decided_by_settings = {code for _, _, code in given if code} - REJECTS
    assert {severity_of(code) for code in decided_by_settings} <= {"rejected or note, by the settings"}


def test_every_code_is_in_the_table_of_the_page():
    assert TABLE.on_page((ROOT / "docs" / "integrity.md").read_text(encoding="utf-8")) == findings_table(), (
        "run python docs/make_integrity_tables.py docs/integrity.md"
    )
