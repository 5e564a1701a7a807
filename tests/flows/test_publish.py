"""`augment-dataset publish`, and a run that publishes to a URL, as they are called."""

import json

import pytest
import yaml
from typer.testing import CliRunner

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
        "nothing is prepared to be published (ingest has to run first: first run); run `augment-dataset prepare` first"
    )
    assert prepare(settings)["path"] == f"{s3_bucket.url}/sets/blobs/1.0.0"
    (entry,) = json.loads(invoke("list", f"{s3_bucket.url}/sets", "--json").stdout)
    assert (entry["version"], entry["images"], entry["is_latest"]) == ("1.0.0", 60, True)
    again = invoke("publish", settings, "--dry-run", "--json")
    outcomes = {entry["name"]: entry["outcome"] for entry in json.loads(again.stdout)}
    assert outcomes == {"blobs": "unchanged", "blobs_synthetic": "not ready"}
    (copy,) = (tmp_path / "workspace" / "blobs" / "mirror").glob("*/blobs/1.0.0")
    import tensorflow_datasets as tfds

    assert tfds.builder_from_directory(copy).info.splits["train"].num_examples == entry["records"]["train"]


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
