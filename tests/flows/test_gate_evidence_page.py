"""The page on downstream value: its settings are accepted, and its arms and outcomes are the code's."""

import re
from pathlib import Path
from typing import get_args

import yaml

from flows.settings import validate
from tasks.synthetic_gate.value_settings import Arm

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gate-evidence.md").read_text(encoding="utf-8")


def test_its_settings_are_accepted():
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    whole = {"dataset": "photos", "source": {"path": "photos"}}
    gate = validate({**whole, **yaml.safe_load(example)}, "docs/gate-evidence.md").synthetic_gate
    assert (gate.value.seeds, set(gate.value.arms)) == (3, set(get_args(Arm)))
    assert gate.limit_of("real_plus_synthetic").severity == "block"


def test_every_arm_is_in_its_table():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(get_args(Arm))
