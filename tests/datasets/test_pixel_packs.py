import os
import re
import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.errors import BadInput, FormatError
from datasets.pixel_packs import PackReader, PackWriter

HEADER_BYTES = 12


@pytest.fixture
def pack(tmp_path):
    path = tmp_path / "00000.pack"
    with PackWriter(path) as writer:
        assert writer.append(b"first payload") == (HEADER_BYTES, 13)
        assert writer.append(b"second") == (HEADER_BYTES + 17, 6)
    return path


@given(st.lists(st.binary(max_size=500), max_size=20))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_payloads_are_read_in_any_order(tmp_path, payloads):
    with PackWriter(tmp_path / "any.pack") as writer:
        places = [writer.append(payload) for payload in payloads]
    with PackReader(tmp_path) as reader:
        read = [reader.read("any.pack", *place) for place in reversed(places)]
    assert read == payloads[::-1]


def test_the_same_payloads_give_the_same_bytes(pack, tmp_path):
    with PackWriter(tmp_path / "again.pack") as writer:
        writer.append(b"first payload")
        writer.append(b"second")
    assert (tmp_path / "again.pack").read_bytes() == pack.read_bytes()


def test_nothing_is_visible_until_the_end(tmp_path):
    with PackWriter(tmp_path / "a.pack") as writer:
        writer.append(b"payload")
        assert not (tmp_path / "a.pack").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.pack"]


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), PackWriter(tmp_path / "a.pack") as writer:
        writer.append(b"payload")
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_pack_is_named(tmp_path):
    sentence = f"{tmp_path / 'gone.pack'}: cannot be opened (No such file or directory); run the scan again"
    with PackReader(tmp_path) as reader, pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        reader.read("gone.pack", HEADER_BYTES, 1)


def test_an_unknown_version_is_refused_by_name(pack):
    data = bytearray(pack.read_bytes())
    data[8] = 7
    pack.write_bytes(data)
    sentence = f"{pack}: pack version 7, this code reads 1; run the scan again"
    with PackReader(pack.parent) as reader, pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        reader.read(pack.name, HEADER_BYTES, 13)


@pytest.mark.parametrize("content", [b"", b"PXLPACK\n", b"\x89PNG\r\n\x1a\n" * 4], ids=["empty", "cut", "other"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "odd.pack"
    path.write_bytes(content)
    sentence = f"{path}: not a pixel pack; delete it and run the scan again"
    with PackReader(tmp_path) as reader, pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        reader.read("odd.pack", HEADER_BYTES, 1)


@pytest.mark.parametrize("position", [HEADER_BYTES, HEADER_BYTES + 12, HEADER_BYTES + 14])
def test_a_flipped_bit_is_found(pack, position):
    data = bytearray(pack.read_bytes())
    data[position] ^= 4
    pack.write_bytes(data)
    sentence = f"{pack}: damaged at offset 12, length 13; delete it and run the scan again"
    with PackReader(pack.parent) as reader, pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        reader.read(pack.name, HEADER_BYTES, 13)


def test_a_pack_cut_off_while_open_is_damaged_and_kills_nobody(pack):
    with PackReader(pack.parent) as reader:
        assert reader.read(pack.name, HEADER_BYTES, 13) == b"first payload"
        os.truncate(pack, HEADER_BYTES + 20)
        with pytest.raises(FormatError, match=re.escape("damaged at offset 29, length 6;")):
            reader.read(pack.name, HEADER_BYTES + 17, 6)


@pytest.mark.parametrize(("offset", "length"), [(0, 4), (-1, 4), (HEADER_BYTES, -1)])
def test_places_outside_the_payloads_are_refused(pack, offset, length):
    sentence = (
        f"{pack}: no payload lies at offset {offset} with length {length}; "
        "offsets begin at 12, lengths at 0; take both from the manifest"
    )
    with PackReader(pack.parent) as reader, pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        reader.read(pack.name, offset, length)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_more_packs_than_a_process_may_open(tmp_path):
    count = 300
    for number in range(count):
        with PackWriter(tmp_path / f"{number}.pack") as writer:
            writer.append(f"payload {number}".encode())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = open_files()
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 200, hard))
    try:
        with PackReader(tmp_path) as reader:
            for number in list(range(count)) * 2:
                payload = f"payload {number}".encode()
                assert reader.read(f"{number}.pack", HEADER_BYTES, len(payload)) == payload
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert open_files() <= opened


def test_payloads_of_one_call_lie_as_those_of_many(tmp_path):
    payloads = [b"one", b"", b"three" * 40]
    with PackWriter(tmp_path / "many.pack") as pack:
        pack.append(b"first")
        places = [pack.append(payload) for payload in payloads]
        after = pack.append(b"last")
    with PackWriter(tmp_path / "once.pack") as pack:
        pack.append(b"first")
        pack.append_all([])
        offsets, lengths = pack.append_all(payloads)
        assert pack.append(b"last") == after
    assert list(zip(offsets.tolist(), lengths.tolist(), strict=True)) == places
    assert (tmp_path / "once.pack").read_bytes() == (tmp_path / "many.pack").read_bytes()
