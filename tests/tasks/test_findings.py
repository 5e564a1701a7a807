import re
from pathlib import Path

from datasets.sources.base import PROBLEMS
from tasks.findings import FINDINGS

ROOT = Path(__file__).resolve().parents[2]
CALLS = re.compile(r'(?:(?:Finding|Rejected|Undecodable)\(|(?:_rejected|\.reject|\.add|_drop_copy)\(\w+, )"([a-z_]+)"')


def test_every_code_that_the_stages_give_is_explained():
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tasks").rglob("*.py"))]
    given = {code for source in sources for code in CALLS.findall(source)}
    assert len(given) > 20
    assert given - set(FINDINGS) == set()
    assert set(PROBLEMS) <= set(FINDINGS)
