import contextlib
import re
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import BadInput, FormatError
from datasets.example_proto import decode_example, encode_example, peek_feature

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False)
VALUES = st.one_of(
    st.lists(st.binary(max_size=40), min_size=1, max_size=5),
    st.lists(INT64, min_size=1, max_size=5),
    st.lists(FLOAT32, min_size=1, max_size=5),
)
FEATURES = st.dictionaries(st.text(max_size=10), VALUES, max_size=6)


def theirs_from(tf, features):
    example = tf.train.Example()
    for name, values in features.items():
        feature = example.features.feature[name]
        if isinstance(values[0], bytes):
            feature.bytes_list.value.extend(values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return example


@given(FEATURES)
def test_what_was_encoded_is_decoded(features):
    assert decode_example(encode_example(features)) == features


@given(FEATURES)
def test_the_order_of_the_features_does_not_matter(features):
    assert encode_example(dict(reversed(features.items()))) == encode_example(features)


@given(FEATURES)
def test_ours_is_the_message_that_tensorflow_reads(tf, features):
    assert tf.train.Example.FromString(encode_example(features)) == theirs_from(tf, features)


@given(st.text(max_size=10), VALUES)
def test_a_feature_is_byte_for_byte_what_tensorflow_writes(tf, name, values):
    # One only: they order features in their own way.
    features = {name: values}
    assert encode_example(features) == theirs_from(tf, features).SerializeToString()


@given(FEATURES)
def test_we_read_what_tensorflow_writes(tf, features):
    assert decode_example(theirs_from(tf, features).SerializeToString()) == features


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        (b"x", [b"x"]),
        (-1, [-1]),
        (True, [1]),
        (0.5, [0.5]),
        (np.int64(7), [7]),
        (np.float32(0.25), [0.25]),
        (np.arange(3), [0, 1, 2]),
        ([], []),
        (float("inf"), [float("inf")]),
    ],
    ids=repr,
)
def test_values_that_may_be_given(value, decoded):
    assert decode_example(encode_example({"a": value})) == {"a": decoded}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([1, 0.5], "feature 'a' holds float, int; a feature is all bytes, all int or all float"),
        (["text"], "feature 'a' holds str; a feature is all bytes, all int or all float"),
        (2**63, "feature 'a' holds 9223372036854775808, which does not fit int64; store it as bytes"),
        (1e39, "feature 'a' holds 1e+39, which does not fit float32; scale it"),
    ],
    ids=["mixed", "text", "large int", "large float"],
)
def test_values_that_are_refused(value, sentence):
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        encode_example({"a": value})


def delimited(field: int, body: bytes) -> bytes:
    return bytes([field << 3 | 2, len(body)]) + body


def feature(body: bytes) -> bytes:
    return delimited(1, delimited(1, delimited(1, b"a") + delimited(2, body)))


OTHER_ENCODINGS = {
    "ints not packed": (delimited(3, b"\x08\x05\x08\x06"), [5, 6]),
    "floats not packed": (delimited(2, b"\x0d" + struct.pack("<f", 1.5)), [1.5]),
    "list in two parts": (delimited(3, b"\x08\x05") + delimited(3, b"\x08\x06"), [5, 6]),
    "last kind counts": (delimited(3, b"\x08\x05") + delimited(1, b"\x0a\x01x"), [b"x"]),
    "unknown fields": (b"\x48\x01" + delimited(3, b"\x08\x05") + b"\x51" + bytes(8), [5]),
    "unknown kind": (delimited(3, b"\x08\x05") + delimited(4, b"\x08\x06"), [5]),
    "kind as a number": (delimited(3, b"\x08\x05") + b"\x18\x06", [5]),
    "unknown in ints": (delimited(3, b"\x08\x05" + delimited(2, b"\x06") + b"\x0d" + bytes(4)), [5]),
    "unknown in floats": (delimited(2, b"\x12\x04" + bytes(4) + b"\x0d" + struct.pack("<f", 1.5) + b"\x08\x05"), [1.5]),
    "unknown in bytes": (delimited(1, b"\x0a\x01x" + delimited(2, b"y") + b"\x08\x05"), [b"x"]),
}


@pytest.mark.parametrize(("body", "values"), OTHER_ENCODINGS.values(), ids=OTHER_ENCODINGS)
def test_other_encodings_of_the_same_message(body, values):
    assert decode_example(feature(body)) == {"a": values}


@pytest.mark.parametrize(("body", "values"), OTHER_ENCODINGS.values(), ids=OTHER_ENCODINGS)
def test_tensorflow_decodes_other_encodings_alike(tf, body, values):
    theirs = tf.train.Example.FromString(feature(body)).features.feature["a"]
    assert list(getattr(theirs, theirs.WhichOneof("kind")).value) == values


def test_an_entry_without_a_name_or_with_unknown_fields():
    ints = delimited(2, delimited(3, b"\x08\x05"))
    for entry, name in ((ints, ""), (delimited(1, b"a") + ints + delimited(3, b"\x0a\x01x") + b"\x10\x07", "a")):
        assert decode_example(delimited(1, delimited(1, entry))) == {name: [5]}


def test_messages_by_hand():
    assert encode_example({}) == b""
    assert encode_example({"a": []}) == b"\x0a\x07\x0a\x05\x0a\x01a\x12\x00"
    assert encode_example({"a": [b"x", b"yz"]}) == b"\x0a\x10\x0a\x0e\x0a\x01a\x12\x09\x0a\x07\x0a\x01x\x0a\x02yz"
    assert encode_example({"a": 300}) == b"\x0a\x0d\x0a\x0b\x0a\x01a\x12\x06\x1a\x04\x0a\x02\xac\x02"


def test_the_largest_numbers_that_fit():
    largest = float(np.finfo(np.float32).max)
    too_large = largest + 2.0**103  # as far from the next power of two, which float32 has not
    assert decode_example(encode_example({"a": float(np.nextafter(too_large, 0.0))})) == {"a": [largest]}
    with pytest.raises(BadInput, match="does not fit float32"):
        encode_example({"a": -too_large})
    with pytest.raises(BadInput, match=f"holds {-(2**63) - 1}, which does not fit int64"):
        encode_example({"a": -(2**63) - 1})


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(payload):
    try:
        decoded = decode_example(payload)
    except FormatError:
        return
    assert isinstance(decoded, dict)


@given(FEATURES.filter(bool), st.data())
def test_a_cut_message_is_refused_or_an_earlier_end(features, data):
    message = encode_example(features)
    cut = message[: data.draw(st.integers(1, len(message) - 1))]
    with pytest.raises(FormatError):
        decode_example(cut)


def test_the_refusal_of_damage():
    sentence = "not a tf.train.Example (cut off); copy the file again or write the shards again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        decode_example(b"\x0a\x05abc")


@given(FEATURES.filter(bool), st.data())
def test_a_peek_gives_a_feature_or_nothing(features, data):
    message = encode_example(features)
    name = data.draw(st.sampled_from(sorted(features)))
    head = message[: data.draw(st.integers(0, len(message)))]
    assert peek_feature(head, name) in (features[name], None)


@given(FEATURES)
def test_a_peek_into_the_whole_message_finds_every_feature(features):
    assert {name: peek_feature(encode_example(features), name) for name in features} == features


def test_a_peek_needs_no_more_than_the_feature():
    message = encode_example({"id": b"cat/1.png#0", "image": b"x" * 1000})
    assert peek_feature(message[:40], "id") == [b"cat/1.png#0"]
    assert peek_feature(message[:40], "image") is None
    assert peek_feature(message, "absent") is None


@given(st.binary(max_size=60))
def test_a_peek_into_anything_ends_in_values_or_a_format_error(head):
    with contextlib.suppress(FormatError):
        peek_feature(b"\x0a\x30" + head, "id")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (delimited(1, b"\x0b"), "wire type 3"),
        (delimited(1, b"\x0a"), "index out of range"),
        (feature(delimited(2, delimited(1, b"abc"))), "iterative unpacking requires a buffer of a multiple of 4 bytes"),
        (
            delimited(1, delimited(1, delimited(1, b"\xff"))),
            "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (delimited(1, b"\x80" * 10 + b"\x01"), "a number of more than ten bytes"),
    ],
    ids=["wire", "end", "floats", "name", "number"],
)
def test_what_is_damaged_is_said(message, why):
    sentence = f"not a tf.train.Example ({why}); copy the file again or write the shards again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        decode_example(message)


def test_a_peek_says_what_is_damaged():
    sentence = (
        "not a tf.train.Example (iterative unpacking requires a buffer of a multiple of 4 bytes); "
        "copy the file again or write the shards again"
    )
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        peek_feature(feature(delimited(2, delimited(1, b"abc"))), "a")


def test_a_peek_into_another_message_gives_nothing():
    message = encode_example({"a": 1, "b": 2})
    assert peek_feature(message, "b") == [2]
    assert peek_feature(b"\x12" + message[1:], "b") is None
