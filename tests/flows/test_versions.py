"""`list`, `diff`, `prune`, `promote` and `verify` of folders and URLs, as they are called."""

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from datasets.errors import BadInput, Refused
from datasets.image_codec import encode_image
from datasets.tfds_layout import read_index, write_index
from flows.command_line import app
from flows.settings import validate
from tests.tasks.tiny_versions import SPLITS, picture, tiny

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "publishing.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^augment-dataset ([^#\n]+)", PAGE, flags=re.MULTILINE)
RECORDS = sum(SPLITS.values())


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Three versions of photos, the second with a class more, the third with more images; called in their folder."""
    monkeypatch.chdir(tmp_path)
    photos = tmp_path / "published" / "photos"
    tiny(name="photos").write(photos / "1.0.0")
    tiny(name="photos", version="2.0.0", class_names=("cat", "dog", "eel", "fox")).write(photos / "2.0.0")
    more = SPLITS | {"train": 20}
    tiny(name="photos", version="2.1.0", class_names=("cat", "dog", "eel", "fox"), splits=more).write(photos / "2.1.0")
    return tmp_path / "published"


@pytest.fixture
def at_url(published, s3_bucket):
    """The same below a URL."""
    for path in published.rglob("*"):
        if path.is_file():
            s3_bucket.put(f"sets/{path.relative_to(published).as_posix()}", path.read_bytes())
    return f"{s3_bucket.url}/sets"


def invoke(*arguments, **options):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)


def add_synthetic(published, real_version, name="photos_synthetic"):
    folder = tiny(name=name, kind="synthetic", splits={"train": 4}).write(published / name / "1.0.0")
    index = read_index(folder)
    real = {"name": "photos", "content_digest": read_index(published / "photos" / real_version).content_digest}
    write_index(folder, replace(index, lineage={**index.lineage, "real": real}))


def versions_in(published):
    return sorted(path.name for path in (published / "photos").iterdir() if path.is_dir())


def listed(place):
    return {(entry["name"], entry["version"]): entry for entry in json.loads(invoke("list", place, "--json").stdout)}


def test_a_list_has_all_versions_newest_first_in_80_columns(published):
    done = invoke("list", "published")
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    rows = [line.split()[1:6] for line in done.stdout.splitlines() if line.startswith("│")]
    assert [row[2] for row in rows] == ["2.1.0", "2.0.0", "1.0.0"]
    assert [row[4] for row in rows if row[2] == "2.1.0"] == ["latest"]


def test_counts_by_split_stand_below_the_table_whole(published):
    *table, newest, _, _ = invoke("list", "published").stdout.splitlines()
    assert newest == "photos 2.1.0: 20 train, 4 validation, 3 test, 5 train_augmented"
    assert [line for line in table if line.startswith("│ ") and not line.startswith("│ photos   │")] == []


@pytest.mark.parametrize("name", ["", "photos", "photos/"])
def test_a_folder_and_a_url_list_the_same(published, at_url, name):
    here, there = listed(published / name), listed(f"{at_url}/{name}")
    assert here == there
    assert here["photos", "1.0.0"]["images"] == RECORDS
    assert here["photos", "1.0.0"]["gate"] == "passed"


def test_an_unfinished_version_is_listed_as_such(published):
    (published / "photos" / "2.1.0" / "dataset_info.json").unlink()
    found = listed(published)
    assert found["photos", "2.1.0"]["gate"] == "not finished"


@pytest.mark.parametrize("name", ["1.0.0", "2.0.0/", "latest"])
def test_one_version_is_listed_alone(published, at_url, name):
    version = {"latest": "2.1.0"}.get(name, name.rstrip("/"))
    for place in (published, at_url):
        found = listed(f"{place}/photos/{name}")
        assert found == {("photos", version): listed(place)["photos", version]}


def test_an_unfinished_version_is_listed_alone(published):
    (published / "photos" / "2.1.0" / "dataset_info.json").unlink()
    assert listed("published/photos/2.1.0")["photos", "2.1.0"]["gate"] == "not finished"


def test_a_version_that_is_not_there_is_not_listed(published):
    done = invoke("list", "published/photos/3.0.0")
    assert isinstance(done.exception, BadInput)
    assert str(done.exception) == f"{published}/photos: no version 3.0.0; published versions: 1.0.0, 2.0.0, 2.1.0"


def test_shards_that_are_not_published_are_not_listed(published):
    (published / "photos" / "1.0.0" / "dataset_info.json").unlink()
    shards = shutil.copytree("published/photos/1.0.0", "shards")
    done = invoke("list", shards)
    assert isinstance(done.exception, BadInput)
    assert str(done.exception) == (
        "shards: shards that are not published; give <name>/ or <name>/<x.y.z>/ of a published data set"
    )


def test_a_list_of_nothing_is_bad_input(tmp_path):
    done = invoke("list", tmp_path)
    assert isinstance(done.exception, BadInput)
    assert str(done.exception) == (
        f"{tmp_path}: no published data set is here; give <name>/ or <name>/<x.y.z>/ of a published data set, "
        "or the folder that holds data sets"
    )


def test_a_diff_says_classes_counts_and_images(published):
    done = invoke("diff", "published/photos/1.0.0", "published/photos")
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 110
    assert done.stdout.startswith("photos 1.0.0 → photos 2.1.0\n+ class fox\n")
    record = json.loads(invoke("diff", "published/photos/1.0.0", "published/photos", "--json").stdout)
    assert (record["classes_added"], record["classes_removed"]) == (["fox"], [])
    assert record["added"]["count"] == 11  # six images, and five copies have other numbers
    assert record["removed"]["count"] == 5
    trained = [entry for entry in record["counts"] if entry["split"] == "train"]
    assert sum(entry["after"] - entry["before"] for entry in trained) == 6


def test_a_diff_of_a_url_and_a_folder_of_the_same_version_says_so(at_url):
    done = invoke("diff", f"{at_url}/photos/2.0.0", "published/photos/2.0.0")
    assert done.stdout == "photos 2.0.0 → photos 2.0.0: the same\n"


@pytest.mark.parametrize("places", [("RUN.json", "published/photos"), ("published/photos", "RUN.json")])
def test_a_run_is_not_compared_with_a_version(published, places):
    done = invoke("diff", *places)
    assert isinstance(done.exception, BadInput)
    assert str(done.exception) == (
        f"got {places[0]} and {places[1]}, of which one is a run's record and one is not; give the records of two runs "
        "(JSON), or two versions"
    )


@pytest.fixture
def prepared_otherwise(published):
    """photos 2.2.0 has the rows of 2.1.0 and other pixels in one record; each says by which settings it was made."""
    made = tiny(name="photos", version="2.2.0", class_names=("cat", "dog", "eel", "fox"), splits=SPLITS | {"train": 20})
    made.records["train"][0] = replace(made.records["train"][0], image=encode_image(picture(99), "png"))
    made.write(published / "photos" / "2.2.0")
    for version, quality in (("2.1.0", 95), ("2.2.0", 60)):
        stages = {"scan": {"settings": {"jpeg_quality": quality}}, "split": {"settings": {"test": 0.2}}}
        lineage = {"format_version": 1, "stages": stages}
        (published / "photos" / version / "lineage.json").write_text(json.dumps(lineage))
    return published


OTHER_BYTES = "the shards hold other bytes: the same images were prepared or arranged otherwise\n"


def test_a_diff_of_images_that_were_prepared_otherwise_says_by_which_settings(prepared_otherwise, at_url):
    said = f"photos 2.1.0 → photos 2.2.0\n{OTHER_BYTES}made: scan.jpeg_quality 95 → 60\n"
    for place in ("published", at_url):
        assert invoke("diff", f"{place}/photos/2.1.0", f"{place}/photos").stdout == said
    record = json.loads(invoke("diff", "published/photos/2.1.0", "published/photos", "--json").stdout)
    assert (record["same"], record["other_shards"]) == (False, True)
    assert record["settings"] == ["scan.jpeg_quality 95 → 60"]


@pytest.mark.parametrize("text", [None, "{", "[]", '{"format_version": 1}', '{"format_version": 1, "stages": [1]}'])
def test_without_a_sound_lineage_a_diff_still_sees_other_bytes(prepared_otherwise, text):
    lineage = prepared_otherwise / "photos" / "2.1.0" / "lineage.json"
    lineage.unlink()
    if text is not None:
        lineage.write_text(text)
    done = invoke("diff", "published/photos/2.1.0", "published/photos")
    assert done.stdout == f"photos 2.1.0 → photos 2.2.0\n{OTHER_BYTES}"


def test_other_bytes_are_not_told_where_other_images_explain_them(published):
    assert "other bytes:" not in invoke("diff", "published/photos/2.0.0", "published/photos").stdout
    record = json.loads(invoke("diff", "published/photos/2.0.0", "published/photos", "--json").stdout)
    assert record["other_shards"]


def test_pruning_keeps_the_newest_the_latest_and_what_was_learned_from(published):
    add_synthetic(published, "1.0.0")
    (published / "photos" / "latest").write_text("2.0.0\n")
    done = invoke("prune", "published/photos", "--keep", 1, "--yes")
    assert done.exit_code == 0
    assert versions_in(published) == ["1.0.0", "2.0.0", "2.1.0"]
    assert "stays    photos 1.0.0: photos_synthetic 1.0.0 was learned from it" in done.stdout
    assert invoke("prune", "published/photos", "--keep", 1, "--yes", "--force").exit_code == 0
    assert versions_in(published) == ["2.0.0", "2.1.0"]


def test_pruning_asks_and_removes_nothing_without_an_answer(published):
    done = invoke("prune", "published/photos", "--keep", 1)
    assert isinstance(done.exception, BadInput)
    assert "add --yes to remove without asking" in str(done.exception)
    assert versions_in(published) == ["1.0.0", "2.0.0", "2.1.0"]


def test_a_dry_run_of_pruning_removes_nothing(published):
    assert "Nothing was removed." in invoke("prune", "published/photos", "--keep", 1, "--dry-run").stdout
    assert versions_in(published) == ["1.0.0", "2.0.0", "2.1.0"]


def test_pruning_at_a_url_removes_every_object(at_url, s3_bucket):
    assert invoke("prune", f"{at_url}/photos", "--keep", 2, "--yes").exit_code == 0
    assert list(listed(f"{at_url}/photos")) == [("photos", "2.1.0"), ("photos", "2.0.0")]
    found = s3_bucket.client.list_objects_v2(Bucket=s3_bucket.name, Prefix="sets/photos/1.0.0")
    assert found["KeyCount"] == 0


def test_promoting_moves_latest(published):
    done = invoke("promote", "published/photos", "1.0.0")
    assert done.stdout == "photos: `latest` was 2.1.0 and is 1.0.0\n"
    assert (published / "photos" / "latest").read_text() == "1.0.0\n"
    assert invoke("promote", "published/photos", "1.0.0").stdout == "photos 1.0.0 is the latest already\n"


def test_promoting_at_a_url_moves_latest(at_url):
    assert invoke("promote", f"{at_url}/photos", "1.0.0").exit_code == 0
    assert listed(f"{at_url}/photos")["photos", "1.0.0"]["is_latest"]


def test_a_damaged_version_is_not_promoted(published):
    shard = published / "photos" / "1.0.0" / "photos-test.tfrecord-00000-of-00001"
    shard.write_bytes(shard.read_bytes()[:-1])
    done = invoke("promote", "published/photos", "1.0.0")
    assert isinstance(done.exception, Refused)
    assert "photos 1.0.0 is damaged (" in str(done.exception)
    assert (published / "photos" / "latest").read_text() == "2.1.0\n"


def test_a_version_that_is_not_there_is_not_promoted(published):
    done = invoke("promote", "published/photos", "3.0.0")
    assert str(done.exception) == "published/photos: no version 3.0.0; published versions: 1.0.0, 2.0.0, 2.1.0"


def test_all_versions_at_a_url_are_verified(at_url, s3_bucket):
    done = invoke("verify", f"{at_url}/photos")
    assert done.exit_code == 0
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()] == ["intact"] * 3
    key = "sets/photos/1.0.0/photos-test.tfrecord-00000-of-00001"
    payload = s3_bucket.client.get_object(Bucket=s3_bucket.name, Key=key)["Body"].read()
    s3_bucket.put(key, payload[:40] + bytes([payload[40] ^ 1]) + payload[41:])
    done = invoke("verify", f"{at_url}/photos/1.0.0")
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{at_url}/photos/1.0.0: photos 1.0.0, ")
    assert "it does not have the sha256 that index.json says" in done.stdout


def test_latest_alone_is_verified(published):
    shutil.rmtree(published / "photos" / "1.0.0")
    done = invoke("verify", "published/photos", "--latest")
    assert done.stdout.splitlines()[0].startswith("published/photos/2.1.0: ")
    assert len(done.stdout.splitlines()) == 1


def test_credentials_on_the_command_line_are_refused(published):
    done = invoke("list", "s3://bucket", "--storage-options", '{"secret": "hush"}')
    assert isinstance(done.exception, BadInput)
    assert "hush" not in str(done.exception)


def test_a_bucket_that_is_not_there_is_a_sentence(s3_environment):
    done = invoke("list", "s3://no-such-bucket-at-all/sets")
    assert str(done.exception) == "s3://no-such-bucket-at-all/sets: no such bucket; make it first, or give another URL"


@pytest.mark.parametrize("line", [line for line in COMMANDS if not line.startswith("publish")])
def test_the_commands_of_the_page_run(published, line):
    done = invoke(*shlex.split(line))
    assert (done.exit_code, done.exception) == (0, None)


def test_the_settings_of_the_page_are_valid():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    settings = validate({"dataset": "any", "source": {"path": "any"}} | yaml.safe_load(text), "page")
    assert settings.place.remote == "s3://bucket/sets"
