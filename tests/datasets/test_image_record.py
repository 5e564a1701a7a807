import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import BadInput, FormatError
from datasets.example_proto import decode_example, encode_example
from datasets.image_record import ImageRecord, decode_record, encode_record

RECORD = ImageRecord(image=b"pixels", id="digits/7/ü.png#0", kind="augmented", derived_from="digits/7/a.png#0", label=2)


@given(
    st.builds(
        ImageRecord,
        image=st.binary(max_size=50),
        id=st.text(),
        kind=st.text(),
        derived_from=st.text(),
        label=st.none() | st.integers(0, 10**6),
        pixel_range=st.none() | st.tuples(st.integers(0, 255), st.integers(1, 256)),
    )
)
def test_what_was_encoded_is_decoded(record):
    payload = encode_record(record)
    assert decode_record(payload) == record
    assert encode_example(decode_example(payload)) == payload  # as the plain encoder writes it


def test_an_unlabelled_record_has_no_label_feature():
    record = ImageRecord(image=b"pixels", id="a", kind="real")
    assert sorted(decode_example(encode_record(record))) == ["derived_from", "id", "image", "kind", "sha256"]
    assert decode_example(encode_record(record))["derived_from"] == [b""]


def test_an_image_without_its_sha256_is_refused():
    features = decode_example(encode_record(RECORD)) | {"image": b"other"}
    sentence = "record 'digits/7/ü.png#0': the image does not have its sha256; write it again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        decode_record(encode_example(features))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": []}, "a record has 0 values of 'kind', one of type bytes is needed; write the shards again"),
        ({"label": b"7"}, "a record has 1 values of 'label', one of type int is needed; write the shards again"),
        ({"id": [b"a", b"b"]}, "a record has 2 values of 'id', one of type bytes is needed; write the shards again"),
        (
            {"pixel_range": [1]},
            "a record has 1 values of 'pixel_range', two of type int are needed; write the shards again",
        ),
    ],
    ids=["absent", "type", "two", "range"],
)
def test_records_of_others_are_refused(change, sentence):
    features = decode_example(encode_record(RECORD)) | change
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        decode_record(encode_example(features))


def test_a_record_without_a_feature_is_refused():
    features = decode_example(encode_record(RECORD))
    del features["kind"]
    sentence = "a record has 0 values of 'kind', one of type bytes is needed; write the shards again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        decode_record(encode_example(features))


def test_a_label_that_does_not_fit_is_named():
    record = ImageRecord(image=b"pixels", id="a", kind="real", label=2**63)
    with pytest.raises(BadInput, match=r"^feature 'label' holds 9223372036854775808, which does not fit int64"):
        encode_record(record)
