"""The page on gates: its table is the code's, and its settings are accepted."""

import re
from pathlib import Path

import pytest
import yaml

from docs.make_gate_tables import TABLE, metrics_table
from flows.settings import validate

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gates.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_table_of_metrics_is_that_of_the_code():
    assert TABLE.on_page(PAGE) == metrics_table(), "run python docs/make_gate_tables.py docs/gates.md"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_limits_is_accepted_and_changes_something(example):
    whole = {"dataset": "photos", "source": {"path": "photos"}}
    changed = validate({**whole, **yaml.safe_load(example)}, "docs/gates.md").synthetic_gate
    assert changed != validate(whole, "defaults").synthetic_gate
    assert all(changed.limit_of(name) == limit for name, limit in changed.limits.items())


def test_every_field_of_a_limit_is_on_the_page():
    from tasks.synthetic_gate.limits import Limit

    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("| field |")[2], re.MULTILINE)
    assert rows[: len(Limit.model_fields)] == list(Limit.model_fields)
