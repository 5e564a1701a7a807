"""README.md of an export: the card that HuggingFace reads, so that `load_dataset(folder)` works, and a few words."""

from collections.abc import Mapping
from typing import Any

import yaml

from datasets.tfds_layout import Index
from tasks.export.parquet_parts import features_json
from tasks.export.samples import exported_encoding
from tasks.visible_text import as_markdown


def card(index: Index, layout: str, counts: Mapping[str, int], licence: str | None) -> str:
    """Markdown with a YAML head. Same arguments, same text."""
    ending = {"parquet": "parquet", "webdataset": "tar"}[layout]
    files = [{"split": split, "path": f"data/{split}-*.{ending}"} for split in counts]
    head: dict[str, Any] = {"pretty_name": index.name, "configs": [{"config_name": "default", "data_files": files}]}
    if index.features.class_names is not None:
        head["task_categories"] = ["image-classification"]
    if layout == "parquet":
        head["dataset_info"] = {"features": _features(index)}
    text = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n\n{_words(index, counts, licence)}"


def _features(index: Index) -> list[dict]:
    """The same features in the words of a card, where class names are numbered."""
    described: list[dict] = []
    for name, feature in features_json(index.features).items():
        if feature["_type"] == "ClassLabel":
            names = {str(number): text for number, text in enumerate(feature["names"])}
            described.append({"name": name, "dtype": {"class_label": {"names": names}}})
        else:
            described.append({"name": name, "dtype": "image" if feature["_type"] == "Image" else feature["dtype"]})
    return described


def _words(index: Index, counts: Mapping[str, int], licence: str | None) -> str:
    features = index.features
    version = f" {index.version}" if index.version else ", not published"
    name = as_markdown(index.name)
    lines = [
        f"# {name}",
        "",
        f"Written by augment-dataset from {name}{version}, content digest `{index.content_digest}`. "
        f"Images {features.height_px} x {features.width_px} x {features.channels}, {exported_encoding(index)}.",
        "",
        "| split | images |",
        "|---|---|",
        *(f"| {as_markdown(split)} | {count} |" for split, count in counts.items()),
        "",
        "Augmented and synthetic images say so in `kind`, and what they come from in `derived_from`.",
    ]
    if licence:
        lines += ["", f"Licence of the images: {as_markdown(licence)}."]
    return "\n".join(lines) + "\n"
