"""The settings of a run beside their defaults, read off the models that the stages take."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from datasets.sources.registry import model_of_kind
from tasks.parallel import ComputeSettings
from tasks.stages import PREPARE, SYNTHESIZE


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting, its value and default as texts; `default` "" where it has none, or none is known here."""

    name: str
    value: str
    default: str
    changed: bool
    description: str


def section_models() -> dict[str, type[BaseModel]]:
    """The model of each section of the settings, as the stages' functions declare it."""
    models = {stage.section: get_type_hints(stage.work)["settings"] for stage in (*PREPARE, *SYNTHESIZE)}
    return models | {"compute": ComputeSettings}


def setting_rows(settings: Mapping[str, Any]) -> list[SettingRow]:
    """All settings of a record, sections in the order of the stages, single values first."""
    models: dict[str, Any] = section_models()
    if "source" in settings:
        models["source"] = model_of_kind(settings["source"].get("kind", "auto"))
    order = {name: position for position, name in enumerate(models, start=1)}
    rows: list[SettingRow] = []
    for name in sorted(settings, key=lambda name: (order.get(name, 0), name)):
        rows += _rows(name, settings[name], models.get(name))
    return rows


def _rows(path: str, value: Any, model: type[BaseModel] | None) -> Iterator[SettingRow]:
    """The leaves below a value; `model` describes it where it is a section."""
    if model is None or not isinstance(value, Mapping):
        yield SettingRow(path, _text(value), "", False, "")
        return
    known = [name for name in model.model_fields if name in value]
    for name in [*known, *sorted(value.keys() - set(known))]:
        field = model.model_fields.get(name)
        nested = field.annotation if field else None
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            yield from _rows(f"{path}.{name}", value[name], nested)
        else:
            yield _row(f"{path}.{name}", value[name], field)


def _row(path: str, value: Any, field: FieldInfo | None) -> SettingRow:
    if field is None or field.is_required():
        return SettingRow(path, _text(value), "", False, (field and field.description) or "")
    default = to_jsonable_python(field.get_default(call_default_factory=True, validated_data={}))
    return SettingRow(path, _text(value), _text(default), value != default, field.description or "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
