"""What the synthetic gate reads besides images: the gate of the last published version."""

import re

import pytest

from datasets.errors import BadInput
from datasets.gate_file import Gate, Metric, Outcome, write_gate
from tasks.gate_synthetic import gate_synthetic, last_gate
from tasks.synthetic_gate.settings import SyntheticGateSettings
from tests.tasks.tiny_versions import tiny


@pytest.fixture
def context(workbench):
    return workbench.context("gate_synthetic")


@pytest.fixture
def version(context):
    """A published synthetic version."""
    return tiny(name="tiny_synthetic", version="1.2.0", kind="synthetic").write(
        context.published / "tiny_synthetic" / "1.2.0"
    )


def test_without_an_earlier_version_there_is_no_gate(context):
    assert last_gate(context) == (None, "there is no earlier version")


def test_the_gate_of_the_last_version_is_read_with_its_number(context, version):
    metric = Metric(name="coverage", title="coverage", value=0.9, outcome=Outcome.PASSED)
    gate = Gate(gate="synthetic", metrics=(metric,), decided_on="gate half")
    write_gate(gate, version)
    assert last_gate(context) == (("1.2.0", gate), "")


@pytest.mark.parametrize(
    ("text", "error"),
    [(None, "FileNotFoundError"), ("{", "JSONDecodeError"), ('{"format_version": 2}', "FormatError")],
)
def test_a_gate_that_cannot_be_read_is_said_to_be_so(context, version, text, error):
    if text is None:
        (version / "gate.json").unlink()
    else:
        (version / "gate.json").write_text(text)
    assert last_gate(context) == (None, f"gate.json of 1.2.0 cannot be read ({error})")


def test_an_extractor_that_cannot_be_opened_fails_the_stage_and_leaves_no_verdict(workbench, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    real = tiny(splits={"train": 30, "validation": 40, "test": 9})
    for number, row in enumerate(real.rows):
        row["sha256"] = f"{number:064x}"
    real.write(workbench.published / "tiny" / "1.0.0")
    made = tiny(name="tiny_synthetic", version=None, kind="synthetic", splits={"train": 20})
    workbench.outputs["shard_synthetic"] = made.write(tmp_path / "shards")
    context = workbench.context("gate_synthetic", "shard_synthetic")
    nobody = "http://127.0.0.1:9/inception.tgz"
    extractor = {"kind": "inception-2015", "address": nobody, "weights_sha256": "0f" * 32}
    sentence = f"{nobody} could not be downloaded (Connection refused); without a network, download it elsewhere and"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)} set extractor.path$"):
        gate_synthetic(SyntheticGateSettings(min_gate_images=8, extractor=extractor), context)
    assert not list(context.out.iterdir())
