"""The matrix of docs/reliability.md has cases of the table, and no others."""

import re
from pathlib import Path

from tests.faults.cases import CASES
from tests.faults.matrix import fault_and_stage

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def test_the_matrix_shows_cases_of_the_table():
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", PAGE.read_text(encoding="utf-8"), re.M)
    shown = {(fault, stage) for fault, stages in rows for stage in stages.split(", ")}
    assert shown - {("fault", "strikes")} <= {fault_and_stage(case.fault, case.stage) for case in CASES}
