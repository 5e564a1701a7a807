"""Writes settings as YAML with a comment per line: the starting point that `augment-dataset init` makes."""

import json
import math
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from flows.settings import Settings

COMMENT_COLUMN = 34
_FIRST = {"kind": 0, "path": 1}  # fields that say what a section is about
HEADER = """\
# Settings of augment-dataset. Every line can be left out, except dataset and source.path: the value shown is used.
# Run:     augment-dataset run {file}
# Preview: augment-dataset run {file} --dry-run
# Lines of `train` that begin with # are chosen by train.preset; shown is its choice for data like small digits.
"""


def settings_text(settings: Settings, file: str) -> str:
    """Commented YAML that loads back to equal settings."""
    return HEADER.format(file=file) + "\n" + "\n".join(_lines(settings, 0)) + "\n"


def _lines(model: BaseModel, depth: int) -> list[str]:
    lines = []
    for name, field in sorted(type(model).model_fields.items(), key=lambda item: _FIRST.get(item[0], len(_FIRST))):
        value = getattr(model, name)
        comment = _comment(field.description or "")
        if isinstance(value, BaseModel):
            if name in getattr(type(model), "BY_PRESET", ()) and name not in model.model_fields_set:
                lines += _hidden(name, comment, value, depth)
                continue
            lines += (
                ["", f"{'  ' * depth}{name}:  # {comment}"] if depth == 0 else [f"{'  ' * depth}{name}:  # {comment}"]
            )
            lines += _lines(value, depth + 1)
        else:
            # What a preset decides must not stand there as if somebody had set it.
            hidden = name in getattr(type(model), "BY_PRESET", ()) and name not in model.model_fields_set
            setting = f"{'  ' * depth}{'# ' * hidden}{name}: {_scalar(value)}"
            lines.append(f"{setting:<{COMMENT_COLUMN}}  # {comment}")
    return lines


def _hidden(name: str, comment: str, value: BaseModel, depth: int) -> list[str]:
    """A whole section as comments, to be uncommented as one."""
    lines = [f"{'  ' * depth}{name}:  # {comment}", *_lines(value, depth + 1)]
    margin = "  " * depth
    return [f"{margin}# {line.removeprefix(margin)}" for line in lines]


def _scalar(value: Any) -> str:
    """JSON is YAML, but for odd characters in strings; strings that need no quotes get none."""
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str):
        return json.dumps(to_jsonable_python(value), ensure_ascii=False)
    style = None if value.isprintable() else '"'
    return yaml.safe_dump(value, default_style=style, allow_unicode=True, width=math.inf).splitlines()[0]


def _comment(description: str) -> str:
    """One style for all: small first letter where it is no name, and no full stop."""
    first_word = description.partition(" ")[0]
    is_name = len(first_word) > 1 and (first_word.isupper() or first_word[1:] != first_word[1:].lower())
    text = description if is_name else description[:1].lower() + description[1:]
    return text.removesuffix(".")
