"""The settings that shaped a version: those that are not the defaults, by stage."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from gan.settings import TrainingSettings
from tasks.curate import CurateSettings
from tasks.gate_data import DataGateSettings
from tasks.generate import GenerateSettings
from tasks.imaging.augmentation import AugmentationSettings
from tasks.lineage.shareable import LEFT_OUT, shareable
from tasks.lineage.stage_facts import StageFacts
from tasks.scan import ScanSettings
from tasks.shard import ShardSettings
from tasks.splitting.settings import SplitSettings
from tasks.synthetic_gate.settings import SyntheticGateSettings

MODELS: dict[str, tuple[str, type[BaseModel] | None]] = {  # stage -> section of the settings, and its defaults
    "ingest": ("source", None),
    "scan": ("scan", ScanSettings),
    "curate": ("curate", CurateSettings),
    "split": ("split", SplitSettings),
    "augment": ("augment", AugmentationSettings),
    "shard": ("shard", ShardSettings),
    "gate_data": ("data_gate", DataGateSettings),
    "train": ("train", TrainingSettings),
    "generate": ("generate", GenerateSettings),
    "shard_synthetic": ("shard", ShardSettings),
    "gate_synthetic": ("synthetic_gate", SyntheticGateSettings),
}
NOTHING = object()


def told_settings(stages: Mapping[str, StageFacts]) -> list[tuple[str, str, str]]:
    """(Name, value, default) of every setting that is not its default; `default` "" where there is none."""
    rows: list[tuple[str, str, str]] = []
    for stage, facts in stages.items():
        if stage not in MODELS:
            continue
        section, model = MODELS[stage]
        defaults = to_jsonable_python(model()) if model else {}
        rows += _different(section, shareable(facts.settings), defaults)
    return [row for row in rows if row[1] != LEFT_OUT]


def _different(name: str, value: Any, default: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, Mapping) and isinstance(default, Mapping) and (default or "." not in name):
        for key in value:
            yield from _different(f"{name}.{key}", value[key], default.get(key, NOTHING))
    elif value != default and not (default is NOTHING and value is None):
        yield name, _text(value), "" if default is NOTHING else _text(default)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
