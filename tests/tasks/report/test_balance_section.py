"""The report's table of classes and splits, with folds in place of train and validation."""

from datasets.manifest import MANIFEST_FILE, read_table, with_columns, write_table
from tasks.report.evidence import Evidence
from tasks.report.image_sections import balance
from tasks.report.pictures import Album


def test_folds_have_columns_of_their_own_and_take_turns_in_colour(workspace):
    workspace.prepare()
    evidence = Evidence(workspace.record())
    for stage, ending in (("split", ""), ("augment", "_augmented")):
        path = evidence.folder(stage) / MANIFEST_FILE
        table = read_table(path)
        splits = [name and f"fold_{number % 3}{ending}" for number, name in enumerate(table["split"].to_pylist())]
        write_table(with_columns(table, split=splits), path)
    with Album(evidence.shared) as album:
        found = balance(evidence, album)
    folds = ["fold_0", "fold_1", "fold_2"]
    assert found["splits"] == [*folds, *[f"{name}_augmented" for name in folds]]
    assert found["bars"] == [(0, "train"), (1, "validation"), (2, "train")]
    assert sum(found["totals"][:3]) == sum(sum(counts[:3]) for _, _, counts in found["rows"]) > 0
