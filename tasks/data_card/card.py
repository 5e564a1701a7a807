"""Puts a card together from what lies in the folder of a version and from what its stages said."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from datasets.atomic_file import write_text_atomically
from datasets.gate_file import Outcome, read_gate
from datasets.tfds_layout import Index
from tasks.data_card import class_measures, counting, grids
from tasks.data_card.header import header
from tasks.data_card.told_settings import told_settings
from tasks.gate_rows import gate_rows, number
from tasks.lineage.record import GENERATOR_FOLDER, read_lineage
from tasks.lineage.stage_facts import StageFacts
from tasks.published_versions import Published
from tasks.visible_text import as_markdown

CARD_FILE = "README.md"
TEMPLATE = "README.md.jinja"
SHOWN_SPLITS = ("train", "validation", "test", "train_augmented")
_FREE_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a card is made from.

    `folder`: the version as it will be published, with its gate and lineage; `shards`: the same shards in the folder of
    their stage; `real`: of a synthetic version, the one that was learned from.
    """

    folder: Path
    shards: Path
    index: Index
    stages: Mapping[str, StageFacts]
    description: str
    real: Published | None = None


def write_card(described: Described) -> None:
    """Write README.md and the PNGs that it shows. The same version gives the same bytes."""
    content = _content(described)
    text = _environment().get_template(TEMPLATE).render(content)
    write_text_atomically(described.folder / CARD_FILE, content["header"] + "\n" + _FREE_LINES.sub("\n\n", text))


def _content(described: Described) -> dict[str, Any]:
    index, folder = described.index, described.folder
    names = index.features.class_names
    table = counting.read_counted(folder)
    origin = table if described.real is None else counting.read_counted(described.real.path)
    licences = counting.licences_of(origin)
    gate = read_gate(folder)
    trained = described.stages.get("train")
    judged = [row for row in gate_rows(gate) if row.outcome != Outcome.REPORTED.value]
    reported = [row for row in gate_rows(gate) if row.outcome == Outcome.REPORTED.value]
    classes = counting.class_table(table, names)
    if described.real is None:
        measures = class_measures.real_measures(folder, names)
    else:
        measures = class_measures.synthetic_measures(described.shards, described.real.path, names)
    return {
        "header": header(index, licences),
        "index": index,
        "is_synthetic": described.real is not None,
        "description": described.description,
        "real": described.real,
        "licences": licences,
        "classes": classes,
        "balance": counting.balance_sentence(classes),
        "sources": counting.source_rows(origin),
        "rejects": counting.reject_rows(table),
        "settings": told_settings(described.stages),
        "gate": gate,
        "judged": judged,
        "reported": reported,
        "measures": measures,
        "measured_per_class": class_measures.PER_CLASS,
        "grids": grids.write_grids(described.shards, index, SHOWN_SPLITS, folder),
        "lineage": read_lineage(folder),
        "family": trained.settings["model"] if trained else None,
        "alarms": trained.summary["alarms"] if trained else [],
        "generator": sorted(path.name for path in (folder / GENERATOR_FOLDER).glob("*")),
    }


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701, Markdown: `cell` escapes what it has to
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": as_markdown, "number": number, "thousands": lambda value: f"{value:,}"}
    return environment
