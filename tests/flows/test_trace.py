"""What `augment-dataset trace` prints, on versions that are written by hand."""

import json

import pytest
from typer.testing import CliRunner

from datasets.manifest import MANIFEST_FILE, table_of, write_table
from datasets.tfds_layout import DATASET_INFO_FILE, Index, Normalise, ShardFeatures, write_index
from flows.command_line import app

IMAGE, PIXELS, COPY = "a1" * 32, "b2" * 32, "c3" * 32
KEEP_OUT = "to keep it out of later versions, add to the file that curate.exclusions names:\n"
STAYS = "versions that are published do not change: remove the folders of those that must not stay\n"


def row(member, sha256, **values):
    first = {"source": "s", "member": member, "frame": 0, "kind": "real", "status": "kept", "sha256": sha256}
    return first | values


IN_TRAIN = [
    row("a.png", IMAGE, pixel_sha256=PIXELS, split="train", label="cat"),
    row("a.png@augmented-0", COPY, kind="augmented", derived_from="s/a.png#0", split="train_augmented"),
]


@pytest.fixture
def published(tmp_path):
    """published(name, version, rows, lineage) -> writes what `trace` reads of a version."""

    def write(name, version, rows, lineage=None):
        folder = tmp_path / "published" / name / version
        folder.mkdir(parents=True)
        index = Index(
            name=name,
            version=version,
            content_digest=f"{name} {version}",
            features=ShardFeatures(16, 16, 1, "png", None),
            normalise=Normalise((0.5,), (0.5,)),
            splits={},
            lineage=lineage or {},
        )
        write_index(folder, index)
        write_table(table_of(rows), folder / MANIFEST_FILE)
        (folder / DATASET_INFO_FILE).write_text("{}")

    return write


@pytest.fixture
def shown(tmp_path):
    """shown(image, *options) -> what is printed, with the test's folder as HERE."""

    def run(image, *options):
        done = CliRunner().invoke(app, ["trace", image, "--published", str(tmp_path / "published"), *options])
        assert done.exit_code == 0
        return done.stdout.replace(str(tmp_path), "HERE")

    return run


def test_an_image_that_was_trained_on(published, shown):
    published("tiny", "1.0.0", IN_TRAIN)
    real = {"name": "tiny", "content_digest": "tiny 1.0.0"}
    published("tiny_synthetic", "1.0.0", [], {"kind": "synthetic", "real": real})
    published("tiny_synthetic", "1.1.0", [], {"kind": "synthetic", "real": real | {"content_digest": "gone"}})
    table, sentences = shown(IMAGE[:12]).split("┘\n")
    cells = ["tiny", "1.0.0", "train", "kept", "cat", "s/a.png#0", "bytes", "1"]
    assert cells in [[cell.strip() for cell in line.strip("│").split("│")] for line in table.splitlines()]
    assert sentences == (
        f"{IMAGE[:12]} is in 1 of the versions in HERE/published (3 looked into)\n"
        "tiny_synthetic 1.0.0 was made by a generator that learned from it, in the training split of tiny 1.0.0\n"
        "tiny_synthetic 1.1.0 was learned from a version that is not here: whether it was learned from this image is "
        "not known\n"
        f"{KEEP_OUT}{IMAGE}\n{PIXELS}\n{STAYS}"
    )


def test_an_image_that_is_nowhere(published, shown):
    published("tiny", "1.0.0", IN_TRAIN)
    assert shown("d4" * 32) == (
        f"{'d4' * 32} is in none of the versions in HERE/published (1 looked into), by bytes or by "
        f"pixels; near copies are not looked for\n{KEEP_OUT}{'d4' * 32}\n"
    )


def test_an_image_that_is_not_used(published, shown):
    reason = {"status": "rejected", "reason": "excluded", "detail": "it is listed for exclusion"}
    published("tiny", "1.0.0", [row("a.png", IMAGE, **reason)])
    output = shown(IMAGE)
    assert "rejected: excluded" in " ".join(output.split())
    assert output.split("┘\n")[1] == (
        f"{IMAGE} is in no shard of the versions in HERE/published (1 looked into); manifests name it, and why it is "
        "not used\n"
        "s/a.png#0 of tiny 1.0.0 is not used: it is listed for exclusion\n"
        f"{KEEP_OUT}{IMAGE}\n{STAYS}"
    )


def test_an_augmented_copy_leads_to_its_parent(published, shown):
    published("tiny", "1.0.0", IN_TRAIN)
    assert shown(COPY).split("┘\n")[1] == (
        f"{COPY} is in 1 of the versions in HERE/published (1 looked into)\n"
        f"s/a.png@augmented-0#0 of tiny 1.0.0 is augmented, made from s/a.png#0 (sha256 {IMAGE})\n{STAYS}"
    )


def test_a_damaged_version_is_named(published, shown, tmp_path):
    published("tiny", "1.0.0", IN_TRAIN)
    published("tiny", "1.1.0", IN_TRAIN)
    (tmp_path / "published" / "tiny" / "1.1.0" / DATASET_INFO_FILE).unlink()
    sentences = shown(IMAGE).split("┘\n")[1]
    assert sentences.startswith(
        f"{IMAGE} is in 1 of the versions in HERE/published (1 looked into)\n"
        "tiny/1.1.0 could not be looked into: HERE/published/tiny/1.1.0 was not published to its end; what lies in it "
        "is no version, and may be removed\n"
    )


def test_json_holds_all_of_it(published, shown):
    published("tiny", "1.0.0", IN_TRAIN)
    record = json.loads(shown(IMAGE, "--json"))
    assert list(record) == [
        *("wanted", "hashes", "versions", "appearances", "records", "shards", "origins", "learned", "orphans"),
        *("skipped", "exclusions"),
    ]
    assert record["appearances"][0]["copies"] == 1
    assert record["exclusions"] == [IMAGE, PIXELS]


def test_the_help_has_an_example():
    shown = CliRunner().invoke(app, ["trace", "--help"])
    assert "Example: augment-dataset trace " in " ".join(shown.stdout.split())
