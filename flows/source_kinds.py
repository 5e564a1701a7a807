"""`augment-dataset sources`: the kinds of sources, what each reads, and the settings of each."""

from rich.table import Table

from datasets.sources.registry import KINDS
from datasets.sources.settings import CommonSourceSettings
from flows.output import console


def show_source_kinds() -> None:
    """Print a table of all kinds; docs/sources.md has an example of each."""
    table = Table(title="Kinds of sources (source.kind in the settings)", title_justify="left")
    for column in ("kind", "reads", "settings besides kind"):
        table.add_column(column, overflow="fold")
    for name, kind in KINDS.items():
        table.add_row(name, kind.reads, ", ".join(own_fields(kind.settings)))
    table.add_row("mixed", "several sources as one data set", "sources*")
    out = console()
    out.print(table)
    out.print("Those marked with * have to be given.")
    out.print(f"Every one but mixed also takes {', '.join(CommonSourceSettings.model_fields)}.")
    out.print("docs/sources.md has settings to copy for each.")


def own_fields(settings: type[CommonSourceSettings]) -> list[str]:
    """Names of the fields that a kind adds; those that have to be given are marked with * and come first."""
    common = {"kind", *CommonSourceSettings.model_fields}
    own = [(name, field.is_required()) for name, field in settings.model_fields.items() if name not in common]
    return [f"{name}*" for name, is_required in own if is_required] + [
        name for name, is_required in own if not is_required
    ]
