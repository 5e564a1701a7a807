"""Lists of pixel operations in a settings file: what is read, and the sentence for what is not."""

import re

import pytest
import yaml

from datasets.errors import BadInput
from flows.settings import validate
from tasks.imaging.operations.denoise import DenoiseSettings
from tasks.imaging.operations.registry import KINDS
from tasks.imaging.operations.sharpen import SharpenSettings

ALL = ", ".join(KINDS)


def scan_of(text):
    record = {"dataset": "tiny", "source": {"path": "images"}, "scan": yaml.safe_load(text)}
    return validate(record, "FILE").scan


def test_operations_are_read_in_their_order():
    scan = scan_of("{before_resize: [{kind: denoise, method: auto}, {kind: sharpen, amount: 2}, {kind: denoise}]}")
    assert scan.before_resize == (DenoiseSettings(method="auto"), SharpenSettings(amount=2), DenoiseSettings())
    assert scan.after_resize == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{before_resize: [{kind: denois}]}", f"scan.before_resize.0.kind is 'denois'; allowed are {ALL}"),
        ("{after_resize: [{method: auto}]}", f"setting scan.after_resize.0.kind is missing; allowed are {ALL}"),
        (
            "{before_resize: [denoise]}",
            f"scan.before_resize.0 is 'denoise', not a section; allowed is a section with a kind: {ALL}",
        ),
        (
            "{before_resize: {kind: denoise}}",
            "scan.before_resize is {'kind': 'denoise'}, not a list; write [...] around it",
        ),
        (
            "{before_resize: [{kind: gamma}, {kind: sharpen, strength: 3}]}",
            "unknown setting scan.before_resize.1.strength; allowed here: amount, kind, radius_px",
        ),
        (
            "{after_resize: [{kind: sharpen, amount: 100}]}",
            "scan.after_resize.0.amount is 100: input should be less than or equal to 10",
        ),
        (
            "{channels: 1, after_resize: [{kind: colour_constancy}]}",
            "scan: colour_constancy does nothing to grey images, and channels is 1; remove it",
        ),
        (
            "{channels: 1, resize: {border_levels: [1, 2, 3]}}",
            "scan: resize.border_levels are 3 levels, and channels is 1; give one level",
        ),
    ],
)
def test_one_sentence_says_what_is_wrong(text, sentence):
    with pytest.raises(BadInput, match=f"^{re.escape(f'FILE: {sentence}')}$"):
        scan_of(text)
