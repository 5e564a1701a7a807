"""Salvage of truncated files: exactly the rows that are there, or none at all."""

import io

import numpy as np
import pytest
from PIL import Image

from tasks.imaging.decode import DecodeLimits, Undecodable, decode, decode_frames

HEIGHT_PX, WIDTH_PX = 120, 90
SALVAGE = DecodeLimits(salvage_min_fraction=0.25)


def picture(channels):
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (HEIGHT_PX, WIDTH_PX, channels), dtype=np.uint8).squeeze()


def saved(format_name, channels=3, **options):
    stream = io.BytesIO()
    Image.fromarray(picture(channels)).save(stream, format_name, **options)
    return stream.getvalue()


def cut(payload, share):
    return payload[: int(len(payload) * share)]


@pytest.mark.parametrize("share", [0.4, 0.6, 0.95])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("format_name", ["JPEG", "PNG"])
def test_rows_that_are_there_are_kept_and_equal_those_of_the_whole_file(format_name, channels, share):
    payload = saved(format_name, channels)
    whole, rest = decode(payload), decode(cut(payload, share), SALVAGE)
    rows = len(rest.image)
    # Noise compresses evenly, so a share of the bytes holds about that share of the rows.
    assert share - 0.2 <= rows / HEIGHT_PX <= share
    np.testing.assert_array_equal(rest.image, whole.image[:rows])
    assert (rest.width_px, rest.height_px) == (WIDTH_PX, HEIGHT_PX)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG"])
def test_salvage_is_a_repair_that_says_how_much_is_left(format_name):
    rest = decode(cut(saved(format_name), 0.6), SALVAGE)
    (finding,) = rest.findings
    rows = len(rest.image)
    assert (finding.code, finding.severity) == ("salvaged", "repair")
    assert finding.detail.startswith(
        f"the first {rows} of {HEIGHT_PX} rows ({rows / HEIGHT_PX:.1%}) are kept, the rest is cut away: the "
    )


REFUSED = {
    "without the setting": (cut(saved("JPEG"), 0.6), DecodeLimits()),
    "png without the setting": (cut(saved("PNG"), 0.6), DecodeLimits()),
    "too few rows": (cut(saved("JPEG"), 0.2), SALVAGE),
    "too few rows of a png": (cut(saved("PNG"), 0.2), SALVAGE),
    "only a header": (saved("PNG")[:40], SALVAGE),
    "a progressive file, whose rows come all at once": (cut(saved("JPEG", progressive=True), 0.9), SALVAGE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_all_else_stays_truncated(case):
    verdict = decode(*REFUSED[case])
    assert isinstance(verdict, Undecodable)
    assert verdict.code == "truncated"


def test_16_bit_rows_are_salvaged_too():
    stream = io.BytesIO()
    levels = np.random.default_rng(0).integers(0, 65536, (80, 40)).astype(np.uint16)
    Image.fromarray(levels).save(stream, "PNG")
    rest = decode(cut(stream.getvalue(), 0.7), SALVAGE)
    np.testing.assert_array_equal(rest.image[:, :, 0], np.rint(levels[: len(rest.image)] / 257).astype(np.uint8))
    assert [finding.code for finding in rest.findings] == ["salvaged", "bit_depth"]


def test_salvage_works_where_all_frames_are_wanted():
    (verdict,) = decode_frames(cut(saved("PNG"), 0.6), SALVAGE)
    assert verdict.findings[0].code == "salvaged"
