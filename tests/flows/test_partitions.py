"""Partitions: what a settings file with `{partition}` in its source becomes, and what is refused."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from datasets.errors import BadInput
from flows import pipelines
from flows.check import settings_for
from flows.command_line import app
from flows.partitions import PATTERN, check_owner, is_partition, take_ownership
from flows.settings import load_settings
from tasks.stages import FLOWS

SETTINGS = 'dataset: photos\nsource: {path: "incoming/{partition}"}\n'


def test_a_partition_is_a_data_set_of_its_own_at_its_own_place(settings_file, tmp_path):
    settings = load_settings(settings_file(SETTINGS), {"partition": "2026-11-22"})
    assert (settings.dataset, settings.partition) == ("photos_2026_11_22", "2026-11-22")
    assert settings.source.path == str(tmp_path / "incoming" / "2026-11-22")
    assert settings.place.shared == tmp_path / "workspace" / "photos_2026_11_22"


def test_the_name_given_on_the_way_is_that_before_the_partition(settings_file):
    assert load_settings(settings_file(SETTINGS), {"partition": "A.b", "dataset": "cats"}).dataset == "cats_a_b"


@pytest.mark.parametrize(
    ("source", "field", "filled"),
    [
        ('{path: "s3://bucket/incoming/{partition}/"}', "path", "s3://bucket/incoming/7a/"),
        ('{kind: label_pattern, path: s3://b/c, pattern: "{partition}/{label}/*"}', "pattern", "7a/{label}/*"),
        ('{kind: label_table, path: s3://b/c, table: "{partition}-{partition}.csv"}', "table", "7a-7a.csv"),
        ('{kind: webdataset, path: "/x/{partition}/t-{000..009}.tar"}', "path", "/x/7a/t-{000..009}.tar"),
        (
            '{kind: mixed, sources: [{path: s3://a/b}, {path: "s3://a/{partition}.x"}]}',
            "place",
            "s3://a/b, s3://a/7a.x",
        ),
    ],
)
def test_every_text_of_the_source_is_filled(source, field, filled, settings_file):
    settings = load_settings(settings_file(f"dataset: photos\nsource: {source}\n"), {"partition": "7a"})
    assert getattr(settings.source, field) == filled


@pytest.mark.parametrize(
    ("text", "partition", "sentence"),
    [
        (
            SETTINGS,
            None,
            "FILE: its source is for partitions ({partition}), and none is given; add --partition NAME (of a flow: its "
            "parameter partition), or run all there are with `augment-dataset backfill`",
        ),
        (
            "dataset: photos\nsource: {path: incoming}\n",
            "a",
            "FILE: partition a is given, but nothing in source says where it stands; write {partition} there, e.g. "
            'path: "incoming/{partition}", or leave partition out',
        ),
        (
            SETTINGS + 'published: "out/{partition}"\n',
            "a",
            "FILE: {partition} stands in published; it is for the paths and patterns of source; remove it",
        ),
        (
            SETTINGS,
            "../a",
            "partition is '../a'; allowed are letters, digits, -, _ and single . between them, at most 60 characters",
        ),
        (
            SETTINGS,
            "a" * 60,
            "FILE: dataset is 'photos_" + "a" * 60 + "': string should have at most 60 characters",
        ),
    ],
    ids=["mark alone", "partition alone", "mark elsewhere", "no name", "too long"],
)
def test_what_does_not_fit_together_is_said(text, partition, sentence, settings_file):
    path = settings_file(text)
    with pytest.raises(BadInput) as caught:
        load_settings(path, {"partition": partition})
    assert str(caught.value).replace(str(path), "FILE") == sentence


def test_a_mark_without_quotes_is_explained(settings_file):
    with pytest.raises(BadInput, match=re.escape("; put quotes around what holds {partition}")):
        load_settings(settings_file("dataset: photos\nsource: {path: incoming/{partition}}\n"), {"partition": "a"})


@given(st.text(max_size=8) | st.text(alphabet="a.-_/\\~*? \n", max_size=8))
def test_no_name_of_a_partition_leads_elsewhere(name):
    if is_partition(name):
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", name)
        assert ".." not in name
        assert name[0] not in ".-"


@pytest.mark.parametrize(
    ("owner", "other", "sentence"),
    [
        ("a-b", "a.b", "is the workspace of partition a-b, and partition a.b would have the same name"),
        ("a-b", None, "is the workspace of partition a-b, and a data set without partitions would have the same name"),
        (None, "a-b", "is the workspace of a data set without partitions, and partition a-b would have the same name"),
    ],
)
def test_a_workspace_belongs_to_one_partition(owner, other, sentence, tmp_path):
    shared = tmp_path / "photos_a_b"
    shared.mkdir()
    if owner is None:
        (shared / "runs").mkdir()
    take_ownership(shared, owner)
    check_owner(shared, owner)
    with pytest.raises(BadInput, match=re.escape(f"{shared} {sentence}; rename one of them, or set")):
        take_ownership(shared, other)


def test_every_command_that_takes_settings_takes_a_partition():
    commands = get_command(app).commands.items()
    taking = {name for name, command in commands if any(found.metavar == "SETTINGS" for found in command.params)}
    assert taking >= {"run", "prepare", "train", "synthesize", "publish", "report", "runs", "status", "gc", "backfill"}
    taking |= {"check", "augment-preview", "models"}
    options = {name: {option for found in command.params for option in found.opts} for name, command in commands}
    assert [name for name in sorted(taking) if "--partition" not in options[name]] == []


def test_every_flow_takes_a_partition_of_a_safe_name():
    for name in (*FLOWS, "check-dataset"):
        schema = getattr(pipelines, name.replace("-", "_")).parameters.properties["partition"]
        assert PATTERN in json.dumps(schema, ensure_ascii=False).replace("\\\\", "\\")
        assert "{partition}" in schema["description"]


def test_a_check_takes_a_partition_of_a_settings_file_only(settings_file, tmp_path):
    path = str(settings_file(SETTINGS))
    assert settings_for(path, "auto", None, None, "a").source.path == str(tmp_path / "incoming" / "a")
    with pytest.raises(BadInput, match=re.escape(f"--partition is for a settings file, and {tmp_path} is none; give ")):
        settings_for(str(tmp_path), "auto", None, None, "a")
