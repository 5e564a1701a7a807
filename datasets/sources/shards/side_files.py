"""What the small files of a WebDataset sample say of its images: class, metadata, caption."""

import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

from datasets.sources.trees.file_tree import FileTree, TreeFile

MAX_SIDE_FILE_BYTES = 1 << 20


class SideRules(Protocol):
    """What the settings say of them."""

    @property
    def label_field(self) -> str: ...
    @property
    def group_field(self) -> str | None: ...
    @property
    def licence_field(self) -> str | None: ...
    @property
    def split_field(self) -> str | None: ...
    @property
    def class_names(self) -> tuple[str, ...] | None: ...


@dataclass(frozen=True, slots=True)
class SideFacts:
    """What is known; `fault` is a sentence where a file of the sample cannot be used."""

    label: str | None = None
    group: str | None = None
    licence: str | None = None
    caption: str | None = None
    split: str | None = None
    fault: str | None = None


def read_side_files(tree: FileTree, sample: list[TreeFile], rules: SideRules) -> SideFacts:
    """The label from `.cls`, else from `.json`; the caption from `.txt`. Never raises for what is in them."""
    files = {file.member.rpartition("/")[2].partition(".")[2].lower(): file for file in sample}
    name = ""
    try:
        texts = {}
        for extension in ("cls", "json", "txt"):
            if file := files.get(extension):
                name = file.member
                texts[extension] = _text(tree, file)
        name = files["json"].member if "json" in files else ""
        fields = _fields(texts.get("json"), rules)
        name = files["cls"].member if "cls" in files else name
        label = texts["cls"].strip() if "cls" in texts else fields["label"]
        label = _class_name(label, rules.class_names) if label else None
    except (OSError, ValueError, RecursionError) as error:
        return SideFacts(fault=f"{name}: {_reason(error)}; correct it")
    return SideFacts(
        label=label,
        group=fields["group"],
        licence=fields["licence"],
        caption=texts.get("txt", "").strip() or None,
        split=fields["split"],
    )


def _class_name(label: str, class_names: tuple[str, ...] | None) -> str:
    """The name of a class that is given by its number, where names are known; any other text as it is."""
    if class_names is None or not re.fullmatch(r"[0-9]{1,9}", label):
        return label
    if int(label) >= len(class_names):
        raise ValueError(f"its class is {label}, but class_names has {len(class_names)} names, from 0 on")
    return class_names[int(label)]


def _text(tree: FileTree, file: TreeFile) -> str:
    if file.problem:
        raise ValueError(f"it is damaged ({file.problem})")
    if (file.size_bytes or 0) > MAX_SIDE_FILE_BYTES:
        raise ValueError(f"it has more than {MAX_SIDE_FILE_BYTES >> 20} MiB")
    return tree.read(file.member).decode("utf-8-sig")


def _fields(text: str | None, rules: SideRules) -> dict[str, str | None]:
    record = {} if text is None else json.loads(text)
    if not isinstance(record, dict):
        raise ValueError(f"a JSON {type(record).__name__}, not an object")
    names = {"label": rules.label_field, "group": rules.group_field, "licence": rules.licence_field}
    names["split"] = rules.split_field
    return {known: _field_text(name, record.get(name)) if name else None for known, name in names.items()}


def _field_text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value).lower()
    raise ValueError(f"its field {name!r} is a JSON {type(value).__name__}, not a text or whole number")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg} at character {error.pos})"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text ({error.reason} at byte {error.start})"
    return str(error) or "it cannot be read"
