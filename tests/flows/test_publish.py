"""`augment-dataset publish`, and a run that publishes to a URL, as they are called."""

import json
import re

import pytest
import yaml
from typer.testing import CliRunner

from datasets.errors import Refused
from flows.command_line import app
from flows.remote_published import refresh_published
from flows.settings import load_settings
from tasks.run import Run
from tasks.stages import PREPARE


@pytest.fixture
def settings(tmp_path, blobs, s3_bucket):
    """A settings file that publishes to a bucket."""
    path = tmp_path / "blobs.yaml"
    record = {
        "dataset": "blobs",
        "published": f"{s3_bucket.url}/sets",
        "source": {"path": str(blobs), "licence": "CC0-1.0"},
        "scan": {"channels": 1, "resize": {"width_px": 16, "height_px": 16}},
        "augment": {"preset": "none"},
        "compute": {"mode": "synchronous"},
    }
    path.write_text(yaml.safe_dump(record))
    return path


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def prepare(file):
    """What the flow does, without Prefect."""
    settings = load_settings(file)
    refresh_published(settings, PREPARE)
    run = Run(flow="prepare-dataset", settings=settings, place=settings.place)
    run.run_stages(PREPARE)
    return run.results["publish_data"].summary


def test_a_run_publishes_to_a_url_and_its_copy_opens_in_tfds(tmp_path, settings, s3_bucket):
    early = invoke("publish", settings, "--dry-run")
    assert str(early.exception) == (
        f"nothing is prepared to be published ({tmp_path / 'workspace' / 'blobs'} is not there); "
        "run `augment-dataset prepare` first"
    )
    assert not (tmp_path / "workspace").exists()
    assert prepare(settings)["path"] == f"{s3_bucket.url}/sets/blobs/1.0.0"
    (entry,) = json.loads(invoke("list", f"{s3_bucket.url}/sets", "--json").stdout)
    assert (entry["version"], entry["images"], entry["is_latest"]) == ("1.0.0", 60, True)
    again = invoke("publish", settings, "--dry-run", "--json")
    outcomes = {entry["name"]: entry["outcome"] for entry in json.loads(again.stdout)}
    assert outcomes == {"blobs": "unchanged", "blobs_synthetic": "not ready"}
    (copy,) = (tmp_path / "workspace" / "blobs" / "mirror").glob("*/blobs/1.0.0")
    import tensorflow_datasets as tfds

    assert tfds.builder_from_directory(copy).info.splits["train"].num_examples == entry["records"]["train"]


@pytest.fixture
def here(tmp_path, settings):
    """The same settings, publishing to a folder, after everything before the last stage has run."""
    changed = yaml.safe_load(settings.read_text()) | {"published": "published"}
    settings.write_text(yaml.safe_dump(changed))
    loaded = load_settings(settings)
    Run(flow="prepare-dataset", settings=loaded, place=loaded.place).run_stages(PREPARE[:-1])
    return settings


def outcomes_of(result):
    return {entry["name"]: (entry["outcome"], entry["version"]) for entry in json.loads(result.stdout)}


def test_what_is_prepared_is_published_once(tmp_path, here):
    published = tmp_path / "published" / "blobs"
    said = invoke("publish", here, "--dry-run", "--json")
    assert outcomes_of(said) == {"blobs": ("new", "1.0.0"), "blobs_synthetic": ("not ready", "")}
    assert not published.exists()
    shown = invoke("publish", here, "--dry-run").stdout.splitlines()
    assert max(map(len, shown[:-2])) <= 80
    assert shown[-2] == "blobs: nothing was published before"
    assert re.fullmatch("blobs_synthetic: .* run `augment-dataset prepare` first", shown[-1])
    done = invoke("publish", here, "--json")
    assert (done.exit_code, outcomes_of(done)["blobs"]) == (0, ("new", "1.0.0"))
    assert invoke("verify", published).exit_code == 0
    again = invoke("publish", here, "--json")
    assert (again.exit_code, outcomes_of(again)["blobs"]) == (0, ("unchanged", "1.0.0"))
    assert sorted(path.name for path in published.iterdir() if path.name[0] != ".") == ["1.0.0", "latest"]


def test_what_a_gate_refused_is_not_published(tmp_path, here):
    here.write_text(here.read_text() + "data_gate: {min_effective_images: 1000, severity: {effective_images: block}}\n")
    loaded = load_settings(here)
    run = Run(flow="prepare-dataset", settings=loaded, place=loaded.place)
    run.run_stages(PREPARE[:-1])
    refused = invoke("publish", here)
    assert isinstance(refused.exception, Refused)
    assert str(refused.exception).startswith("blobs is not published: its gate refused it (")
    assert not (tmp_path / "published" / "blobs").exists()


def test_memory_is_no_place_to_publish_to(run_command, settings):
    settings.write_text(settings.read_text().replace("s3://", "memory://"))
    done = run_command("publish", settings, "--dry-run")
    assert done.returncode == 2
    assert "memory ends with the process; give a folder, or a URL such as s3://bucket/prefix" in done.stderr


def test_credentials_in_the_options_are_refused(run_command, settings):
    settings.write_text(settings.read_text() + "publish: {storage_options: {secret: hush}}\n")
    done = run_command("publish", settings, "--dry-run")
    assert done.returncode == 2
    assert "secret looks like a credential, which settings must not hold" in done.stderr
    assert "hush" not in done.stderr
