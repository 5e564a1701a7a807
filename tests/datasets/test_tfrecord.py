import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.atomic_file import BUFFER_BYTES
from datasets.errors import FormatError
from datasets.tfrecord import (
    frame,
    masked_crc32c,
    read_record,
    read_tfrecord,
    record_offsets,
    salvage_tfrecord,
    write_hashed_tfrecord,
    write_tfrecord,
)

PAYLOADS = [b"first", b"", b"third" * 100]
FIX = "; copy the file again or write the shards again"


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "a.tfrecord"
    write_tfrecord(path, PAYLOADS)
    return path


def test_masked_checksum_of_a_known_input():
    # crc32c("123456789") is 0xe3069283, the check value of the CRC catalogue; masking was done by hand.
    assert masked_crc32c(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF


@given(st.lists(st.binary(max_size=300), max_size=8))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read(tmp_path, payloads):
    path = tmp_path / "any.tfrecord"
    assert write_tfrecord(path, payloads) == len(payloads)
    assert list(read_tfrecord(path)) == payloads


@pytest.mark.parametrize("size_bytes", [0, 5, 700_000])
def test_the_writer_knows_what_it_wrote(tmp_path, size_bytes):
    path = tmp_path / "a.tfrecord"
    written = write_hashed_tfrecord(path, [bytes(size_bytes)] * 5)
    data = path.read_bytes()
    assert written == (5, len(data), hashlib.sha256(data).hexdigest())


def test_a_writer_holds_two_buffers_at_most(tmp_path):
    lags = []

    def records():
        for made_bytes in range(0, 6 * BUFFER_BYTES, BUFFER_BYTES // 4):
            lags.append(made_bytes - sum(path.stat().st_size for path in tmp_path.iterdir()))
            yield bytes(BUFFER_BYTES // 4)

    write_tfrecord(tmp_path / "a.tfrecord", records())
    assert max(lags) <= 2 * BUFFER_BYTES


def test_a_failing_writer_leaves_nothing(tmp_path):
    def records():
        yield b"one"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_tfrecord(tmp_path / "a.tfrecord", records())
    assert list(tmp_path.iterdir()) == []


def test_a_failing_writer_keeps_the_old_file(shard):
    def records():
        raise RuntimeError("none")
        yield

    with pytest.raises(RuntimeError, match="none"):
        write_tfrecord(shard, records())
    assert list(read_tfrecord(shard)) == PAYLOADS


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "gone.tfrecord"
    sentence = f"{path}: cannot be opened (No such file or directory); write the shards again"
    for read in (lambda: list(read_tfrecord(path)), lambda: record_offsets(path), lambda: read_record(path, 12, 5)):
        with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
            read()


def test_a_flipped_bit_in_a_payload_names_the_record(shard):
    data = bytearray(shard.read_bytes())
    data[-10] ^= 1
    shard.write_bytes(data)
    sentence = f"{shard}: record 2 does not have its checksum{FIX}"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        list(read_tfrecord(shard))


def test_records_before_the_damage_are_read(shard):
    data = bytearray(shard.read_bytes())
    data[-10] ^= 1
    shard.write_bytes(data)
    records = read_tfrecord(shard)
    assert [next(records), next(records)] == PAYLOADS[:2]


def test_a_flipped_bit_in_a_length_names_the_record(shard):
    data = bytearray(shard.read_bytes())
    data[len(frame(PAYLOADS[0]))] ^= 1
    shard.write_bytes(data)
    sentence = f"{shard}: record 1 has a damaged length, so that no record after it can be found{FIX}"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        list(read_tfrecord(shard))


@pytest.mark.parametrize("kept_bytes", [5, 12, 14, 20], ids=["length", "header only", "payload", "checksum"])
def test_a_cut_off_file_names_the_record(tmp_path, kept_bytes):
    path = tmp_path / "cut.tfrecord"
    path.write_bytes(frame(b"whole") + frame(b"cut off")[:kept_bytes])
    sentence = f"{path}: record 1 is cut off{FIX}"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        list(read_tfrecord(path))


def test_tensorflow_reads_ours(shard, tf):
    assert [item.numpy() for item in tf.data.TFRecordDataset(str(shard))] == PAYLOADS


def test_we_read_tensorflows_and_write_the_same_bytes(shard, tmp_path, tf):
    path = tmp_path / "theirs.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    assert list(read_tfrecord(path)) == PAYLOADS
    assert path.read_bytes() == shard.read_bytes()


def test_record_offsets_say_where_the_payloads_lie(shard):
    offsets, lengths = record_offsets(shard)
    data = shard.read_bytes()
    assert [data[offset : offset + length] for offset, length in zip(offsets, lengths, strict=True)] == PAYLOADS


def test_an_empty_file_has_no_records(tmp_path):
    (tmp_path / "a.tfrecord").write_bytes(b"")
    assert [len(found) for found in record_offsets(tmp_path / "a.tfrecord")] == [0, 0]


def test_read_record_gives_one_payload(shard):
    offsets, lengths = record_offsets(shard)
    assert [read_record(shard, int(offsets[row]), int(lengths[row])) for row in (2, 0)] == [PAYLOADS[2], PAYLOADS[0]]


def test_a_damaged_payload_costs_one_record(shard):
    data = bytearray(shard.read_bytes())
    data[12] ^= 1
    shard.write_bytes(data)
    offsets, lengths = record_offsets(shard)
    assert read_record(shard, int(offsets[2]), int(lengths[2])) == PAYLOADS[2]
    sentence = f"{shard}: the record at byte 12 does not have its checksum{FIX}"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        read_record(shard, int(offsets[0]), int(lengths[0]))


def test_a_damaged_length_names_the_record_and_its_place(shard):
    data = bytearray(shard.read_bytes())
    data[len(frame(PAYLOADS[0]))] ^= 1
    shard.write_bytes(data)
    sentence = f"{shard}: record 1 (at byte 21) has a damaged length, so that no record after it can be found{FIX}"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        record_offsets(shard)


@pytest.mark.parametrize("kept_bytes", [5, 12, 14, 20], ids=["length", "header only", "payload", "checksum"])
def test_offsets_of_a_cut_off_file_name_the_record(tmp_path, kept_bytes):
    path = tmp_path / "cut.tfrecord"
    path.write_bytes(frame(b"whole") + frame(b"cut off")[:kept_bytes])
    sentence = f"{path}: record 1 (at byte 21) is cut off{FIX}"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        record_offsets(path)


def test_a_record_that_the_file_has_lost_is_cut_off(shard):
    sentence = f"{shard}: the record at byte 500 is cut off{FIX}"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        read_record(shard, 500, 1000)


def test_a_length_beyond_every_file_is_no_crash(tmp_path):
    path = tmp_path / "huge.tfrecord"
    length = b"\xff" * 8
    path.write_bytes(length + masked_crc32c(length).to_bytes(4, "little") + b"x" * 20)
    with pytest.raises(FormatError, match=re.escape(f"{path}: record 0 (at byte 0) is cut off")):
        record_offsets(path)
    with pytest.raises(FormatError, match=re.escape(f"{path}: record 0 is cut off")):
        list(read_tfrecord(path))
    assert [found.fault for found in salvage_tfrecord(path)] == [
        f"it is cut off: {2**64 - 17} of its bytes are missing"
    ]


def salvaged(path):
    return [found.payload for found in salvage_tfrecord(path)]


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=12), st.data())
def test_one_flipped_bit_costs_one_record(tmp_path_factory, payloads, data):
    path = tmp_path_factory.mktemp("salvage") / "a.tfrecord"
    write_tfrecord(path, payloads)
    assert salvaged(path) == payloads
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(bytes(content))
    found = salvaged(path)
    assert found.count(None) == 1
    lost = found.index(None)
    assert found == [*payloads[:lost], None, *payloads[lost + 1 :]]


def test_what_is_said_of_a_record_that_is_lost(tmp_path):
    frames = [bytearray(frame(payload)) for payload in (b"whole", b"damaged length", b"damaged payload", b"cut off")]
    frames[1][0] ^= 1
    frames[2][12] ^= 1
    path = tmp_path / "a.tfrecord"
    path.write_bytes(b"".join(frames)[:-3])
    assert list(salvage_tfrecord(path)) == [
        (0, b"whole", None),
        (21, None, "its length is damaged, so that 30 bytes up to the next record are lost"),
        (51, None, "it does not have its checksum"),
        (82, None, "it is cut off: 3 of its bytes are missing"),
    ]


@pytest.mark.parametrize("stray_bytes", [1, 2, 12, *range(BUFFER_BYTES - 12, BUFFER_BYTES + 2)])
def test_stray_bytes_cost_themselves_alone(tmp_path, stray_bytes):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame(b"first") + b"\xff" * stray_bytes + frame(b"x") + b"\xff")
    assert [(found.begin, found.payload) for found in salvage_tfrecord(path)] == [
        (0, b"first"),
        (21, None),
        (21 + stray_bytes, b"x"),
        (38 + stray_bytes, None),
    ]


def test_a_header_is_found_although_its_payload_is_gone(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(b"\xff" + frame(b"cut off")[:12])
    assert [(found.begin, found.fault) for found in salvage_tfrecord(path)] == [
        (0, "its length is damaged, so that 1 bytes up to the next record are lost"),
        (1, "it is cut off: 11 of its bytes are missing"),
    ]


def test_zeros_are_not_taken_for_records(tmp_path):
    """Nor is an empty record looked for: every zero would have to be tried as its length."""
    path = tmp_path / "a.tfrecord"
    path.write_bytes(bytes(50) + frame(b"") + frame(b"next"))
    assert [found.payload for found in salvage_tfrecord(path)] == [None, b"next"]


@given(st.binary(max_size=300))
def test_any_bytes_can_be_salvaged(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("salvage") / "a.tfrecord"
    path.write_bytes(content)
    begins = [found.begin for found in salvage_tfrecord(path)]
    assert begins == sorted(set(begins))
    assert len(begins) <= len(content)
