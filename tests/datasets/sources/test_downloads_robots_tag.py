import pytest

from datasets.sources.downloads.robots_tag import refusing_directive


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["noindex, nofollow"], None),
        (["noai"], "noai"),
        (["NoIndex,NoImageAI"], "noimageai"),
        (["noindex", "noai"], "noai"),
        (["otherbot: noai, noimageai"], None),
        (["otherbot: noindex, augment-dataset: noimageai"], "noimageai"),
        (["Augment-Dataset: noai"], "noai"),
        (["*: noai"], "noai"),
        (["max-image-preview: large, noai"], "noai"),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noai"], "noai"),
        (["noaim, xnoai"], None),
        (["", ",,:"], None),
    ],
)
def test_what_addresses_us(values, expected):
    assert refusing_directive(values, "augment-dataset/1.0 (+mailto:me)") == expected
