"""docs/augmentation.md: its settings are valid, and its tables hold every augmenter and preset as they are."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import tasks.imaging.augmentation as package
from flows.settings import validate
from tasks.imaging.augmentation.augmenters import KINDS
from tasks.imaging.augmentation.presets import PRESETS

PAGE = (Path(package.__file__).parents[3] / "docs" / "augmentation.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


def shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{value[0]:g}, {value[1]:g}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_valid(text: str) -> None:
    record = {"dataset": "d", "source": {"path": "p"}} | yaml.safe_load(text)
    assert validate(record, "docs").augment.listed


def test_the_table_of_augmenters_is_that_of_the_code() -> None:
    for kind, model in KINDS.items():
        values = model().model_dump(exclude={"kind"})
        ordered = sorted(values, key=lambda name: name == "probability")
        settings = ", ".join(f"`{name}: {shown(values[name])}`" for name in ordered)
        assert f"| `{kind}` | {' '.join(str(model.__doc__).split())} | {settings} |" in PAGE


def test_the_table_of_presets_is_that_of_the_code() -> None:
    for preset, listed in PRESETS.items():
        kinds = ", ".join(augmenter.kind for augmenter in listed) or "–"
        assert re.search(rf"^\| `{preset}` \| [^|]+ \| {kinds} \|", PAGE, flags=re.MULTILINE)
