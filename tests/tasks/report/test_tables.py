import json

import pytest

from datasets.gate_file import Gate, Metric, Outcome
from tasks.gate_rows import gate_rows
from tasks.report.tables import (
    CountStep,
    PublishedRow,
    count_steps,
    duration,
    published_rows,
    stage_rows,
)
from tasks.run import stages_by_name


def row_of(record, name):
    return next(row for row in stage_rows(record) if row.name == name)


def test_a_stage_has_its_notes(whole_run):
    record = json.loads(json.dumps(whole_run))
    stages_by_name(record)["train"]["summary"]["notes"] = ["learned without classes"]
    assert row_of(record, "train").notes == ("learned without classes",)
    assert row_of(record, "scan").notes == ()


def test_a_stage_that_ran_shows_what_it_cost(whole_run):
    row = row_of(whole_run, "scan")
    assert (row.wall_s, row.cpu_s, row.peak_rss_mib) == (2.5, 1.5, 100.4)


def test_a_skipped_stage_cost_nothing_rather_than_zero(whole_run):
    row = row_of(whole_run, "ingest")
    assert (row.outcome, row.wall_s, row.cpu_s, row.peak_rss_mib) == ("skipped", None, None, None)


def test_a_stage_lists_only_the_reasons_that_it_added_itself(whole_run):
    row = row_of(whole_run, "curate")
    assert (row.rejected, row.reasons) == (2, (("duplicate_exact", 1),))


def test_the_stage_in_which_a_run_stopped_ends_the_table_with_the_message(workspace):
    workspace.folder("ingest")
    row = stage_rows(workspace.record("bad input", "no image can be decoded"))[-1]
    assert (row.name, row.outcome, row.why) == ("scan", "bad input", "no image can be decoded")


def test_a_stop_without_a_message_points_to_the_log(workspace):
    workspace.folder("ingest")
    assert stage_rows(workspace.record("failed"))[-1].why == "it ended without a message; see the log of the stage"


def test_counts_lead_from_listed_files_to_splits_and_add_up(whole_run):
    steps = count_steps(whole_run)
    assert steps == [
        CountStep("files in the source", 14),
        CountStep("decoded", 13, (("truncated", 1),)),
        CountStep("fit for use", 12, (("duplicate_exact", 1),)),
        CountStep("in train, validation or test", 12),
    ]


def test_there_are_no_counts_where_no_file_was_listed(workspace):
    workspace.folder("train")
    assert count_steps(workspace.record()) == []


def test_published_versions_are_listed_with_their_folders(workspace, tmp_path):
    workspace.publish("publish_data", "things")
    path = str(tmp_path / "published" / "things" / "1.2.0")
    assert published_rows(workspace.record()) == [PublishedRow("things", "1.2.0", path, path, 8, "published")]


def test_a_metric_becomes_texts_with_the_direction_of_its_limit():
    metric = Metric(
        name="recall",
        title="recall",
        value=0.123456,
        threshold=0.7,
        direction="min",
        floor=0.9,
        interval=(0.1, 0.2),
        n=1234,
        extractor="net",
        outcome=Outcome.REFUSED,
    )
    row = gate_rows(Gate(gate="synthetic", metrics=(metric,), decided_on="half"))[0]
    texts = (row.value, row.limit, row.floor, row.interval, row.n, row.extractor, row.outcome)
    assert texts == ("0.1235", "≥ 0.7", "0.9", "0.1 to 0.2", "1,234", "net", "refused")


def test_a_metric_without_a_value_has_empty_cells_and_its_note():
    metric = Metric(name="m", title="m", value=None, outcome=Outcome.NOT_MEASURED, note="too few images")
    row = gate_rows(Gate(gate="data", metrics=(metric,), decided_on="all"))[0]
    assert (row.value, row.limit, row.interval, row.n, row.note) == ("", "", "", "", "too few images")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 s"),
        (0.416, "0.42 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (247, "4 min 07 s"),
        (7511, "2 h 05 min"),
    ],
)
def test_durations_are_written_in_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text
