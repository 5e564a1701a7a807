import contextlib
import os
import pickle
import pickletools
import re
import resource
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.sources.arrays.pickled_arrays import PickledArray, PickledName, PickledType
from datasets.sources.arrays.restricted_pickle import load_pickle

PIXELS = np.arange(60, dtype=np.uint8).reshape(5, 12) + 190
PLAIN = {
    "labels": [0, 255, 65_536, -1, 2**62],
    "nested": (1, [None, True, False], {"a": "é"}),
    "names": [b"", b"\\'\n\xff"],
}
BATCH_LABEL = b"U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03"


def python2_array(pixels):
    """As numpy of Python 2 pickles an array in protocol 2."""
    content = pixels.tobytes()
    shape = b"".join(b"M" + struct.pack("<H", side) for side in pixels.shape)
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x10cnumpy\nndarray\nq\x11K\x00\x85U\x01b\x87Rq\x12(K\x01("
        + shape
        + b"tcnumpy\ndtype\nq\x13U\x02u1K\x00K\x01\x87Rq\x14"
        + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<I", len(content))
        + content
        + b"tb"
    )


def refused(sentence):
    return pytest.raises(BadInput, match=f"^{re.escape('batch: ' + sentence)}$")


def asks_for(wanted):
    return refused(f"the pickle asks for {wanted}; only arrays, bytes, dicts and lists are read")


DAMAGED = "a damaged pickle, or none at all; fetch it again"


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_of_every_protocol(protocol):
    assert load_pickle(pickle.dumps(PLAIN, protocol), "batch") == PLAIN


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_every_protocol(protocol, order):
    read = load_pickle(pickle.dumps([np.asarray(PIXELS, order=order)], protocol), "batch")
    np.testing.assert_array_equal(read[0].values, PIXELS)


def test_numpy_before_its_second_version_is_read():
    written = pickle.dumps(PIXELS, 2).replace(b"numpy._core.", b"numpy.core.")
    np.testing.assert_array_equal(load_pickle(written, "batch").values, PIXELS)


def test_a_batch_of_python_2_is_read():
    written = b"\x80\x02}q\x01(" + BATCH_LABEL + b"U\x04dataq\x04" + python2_array(PIXELS) + b"u."
    read = load_pickle(written, "batch")
    assert read["batch_label"] == b"training batch 1 of 5"
    np.testing.assert_array_equal(read["data"].values, PIXELS)


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
), st.integers(0, 5))  # fmt: skip
def test_what_is_written_is_read(value, protocol):
    assert load_pickle(pickle.dumps(value, protocol), "batch") == value


class Call:
    """Pickled, it calls a function when Python's own reader reads it."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "argument", "name"),
    [
        (os.system, "touch {}", f"{os.system.__module__}.system"),
        (eval, "open({!r}, 'w')", "builtins.eval"),
        (exec, "open({!r}, 'w')", "builtins.exec"),
        (open, "{}", "io.open"),
        (Path, "{}", "pathlib.Path"),
        (np.load, "{}", "numpy.load"),
        (np.fromfile, "{}", "numpy.fromfile"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_calls_is_refused_by_the_name_it_asks_for(tmp_path, function, argument, name, protocol):
    victim = tmp_path / "victim"
    written = pickle.dumps({"data": Call(function, argument.format(victim))}, protocol)
    asked = next(
        ".".join(arg.split()) if code.name == "GLOBAL" else name
        for code, arg, _ in pickletools.genops(written)
        if code.name in ("GLOBAL", "STACK_GLOBAL")
    )
    with asks_for(asked):
        load_pickle(written, "batch")
    assert not victim.exists()


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
        (b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.", "numpy.core.multiarray._reconstruct.__globals__"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"c\xff\x1b[2J\nx\n.", r"\xff\x1b[2J.x"),
        (b"(S'true'\nios\nsystem\n.", "an object of a class"),
        (b"(cos\nsystem\n", "os.system"),
        (b"(K\x01o.", "an object of a class"),
        (b"K\x01)\x81.", "an object of a class"),
        (b"K\x01)}\x92.", "an object of a class"),
        (b"\x82\x01.", "a registered extension"),
        (b"\x83\x01\x00.", "a registered extension"),
        (b"\x84\x01\x00\x00\x00.", "a registered extension"),
        (b"Pmodule\n.", "an object that lies outside of it"),
        (b"K\x01Q.", "an object that lies outside of it"),
        (b"\x8f.", "a set"),
        (b"G" + bytes(8) + b".", "a floating-point number"),
        (b"\x97.", "a buffer that lies outside of it"),
        (b"\xff.", "the unknown operation 0xff"),
        (b"K\x01)R.", "a call of something that is no name"),
        (b"cnumpy\nndarray\n)R.", "a call of numpy.ndarray"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(K\x01tR.", "a call of numpy.core.multiarray._reconstruct"),
        (b"c__builtin__\nbytes\n(K\x7ftR.", "a call of __builtin__.bytes"),
        (b"c_codecs\nencode\n(Va\nS'rot13'\ntR.", "text in another encoding than latin1"),
        (b"]}b.", "an object with a state"),
        (b"cnumpy\ndtype\n}b.", "an object with a state"),
    ],
)
def test_what_is_not_data_is_refused(written, wanted):
    with asks_for(wanted):
        load_pickle(written, "batch")


@pytest.mark.parametrize("kind", ["O8", "i8", "f4", "S3"])
def test_other_arrays_are_refused(kind):
    with refused(f"the pickle holds an array of {kind}; only arrays of u1, unsigned bytes, are read"):
        load_pickle(pickle.dumps(np.zeros(3, kind), 2), "batch")


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b".",
        b"a" * 10,
        pickle.dumps(PLAIN)[:-10],
        b"h\x07.",
        b"t.",
        b"(0.",
        b"K\x01K\x02a.",
        b"](K\x01u.",
        b"}(K\x01K\x02u.",
        b"}(U\x01au.",
        b"I1x\n.",
        b"S'a\n.",
        b"S'\\d'\n.",
        b"S'\\u0100'\n.",
        b"X\x02\x00\x00\x00\xff\xff.",
        b"cnumpy\ndtype\n)R.",
        b"c_codecs\nencode\n(V\\u0100\nS'latin1'\ntR.",
        b"\x8e" + struct.pack("<Q", 2**63) + b".",
        b"\x96" + struct.pack("<Q", 2**64 - 1) + b".",
        b"\x8d" + struct.pack("<Q", 2**40) + b".",
        b"B" + struct.pack("<I", 2**32 - 1) + b".",
        b"T" + struct.pack("<I", 2**31) + b".",
    ],
)
def test_damaged_pickles_are_refused(written):
    with refused(DAMAGED):
        load_pickle(written, "batch")


@pytest.mark.parametrize("shape", [(5, 13), (60, 2**40), (2**31, 2**31), (0,), (), (-1, 60)])
def test_an_array_has_as_many_values_as_its_shape_says(shape):
    sides = b"".join(b"\x8a\x08" + struct.pack("<q", side) for side in shape)
    written = python2_array(PIXELS).replace(b"M\x05\x00M\x0c\x00", sides)
    with refused(DAMAGED):
        load_pickle(written + b".", "batch")


def nested_tuples(depth):
    return b")" + b"\x85" * depth


def long_bytes(opcode, size, byte=b"a"):
    return opcode + struct.pack("<I", size) + byte * size


BOMBS = {
    "operations": b"}" * 3_000_000,
    "marks": b"(" * 3_000_000,
    "nesting": b"]" * 900_000 + b"a" * 899_999 + b".",
    "nested tuples as a key": b"}" + nested_tuples(900_000) + b"K\x01s.",
    "laughs": b"]\x94" + b"".join(b"(" + (b"h" + bytes([n])) * 10 + b"l\x94" for n in range(200)) + b".",
    "far memo": b"]" + b"r\xff\xff\xff\xff" * 100_000 + b".",
    "memo in digits": b"]p" + b"9" * 60_000 + b"\n.",
    "long key again and again": b"}" + long_bytes(b"B", 1 << 24) + b"\x94K\x01s" + b"h\x00K\x01s" * 300_000 + b".",
    "long number": long_bytes(b"\x8b", 1 << 24) + b".",
    "long digits": b"L" + b"9" * 60_000 + b"L\n.",
    "endless line": b"L" + b"9" * (1 << 24),
    "growing": (
        long_bytes(b"X", 1 << 22)
        + b"\x94c_codecs\nencode\n\x94X\x06\x00\x00\x00latin1\x94"
        + b"h\x01h\x00h\x02\x86R" * 100_000
        + b"."
    ),
    "backslashes": b"S'" + b"\\" * (1 << 22) + b"x'\n.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_pickle_takes_much_more_memory_or_time_than_it_is_long(name):
    written = BOMBS[name]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    with contextlib.suppress(BadInput):
        load_pickle(written, "batch")
    assert time.process_time() - start < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 400 << 10


VALID = [pickle.dumps({"data": PIXELS, **PLAIN}, protocol) for protocol in range(6)]


@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=4)), min_size=1, max_size=6))
def test_mutated_pickles_are_data_or_refused(written, patches):
    mutated = bytearray(written)
    for position, patch in patches:
        mutated[position : position + len(patch)] = patch
    check(bytes(mutated))


@given(st.lists(st.sampled_from([bytes([ord(code.code)]) for code in pickletools.opcodes]) | st.binary(max_size=3)))
def test_any_operations_are_data_or_refused(pieces):
    check(b"".join(pieces) + b".")


def check(written):
    try:
        value = load_pickle(written, "batch")
    except BadInput:
        return
    assert type(value) in (
        type(None),
        bool,
        int,
        str,
        bytes,
        bytearray,
        list,
        tuple,
        dict,
        PickledArray,
        PickledName,
        PickledType,
    )
