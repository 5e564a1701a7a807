import bz2
import errno
import gzip
import io
import lzma
import os
import pickle
import re
import resource
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.sources.base import PROBLEMS
from datasets.sources.trees import archive_limits
from datasets.sources.trees.archive_file import input_state
from datasets.sources.trees.file_tree import TreeFile
from datasets.sources.trees.local_folder import LocalFolder
from datasets.sources.trees.opening import open_tree
from datasets.sources.trees.tar_archive import TarArchive, TarEntry, TarIndex, is_tar, tar_index

DATA = os.environ.get("AUGMENT_DATASET_TEST_DATA")
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
COMPRESS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
CUT_OFF = "damaged tar archive at byte {place} (it ends there without an end mark, so that it was cut off)"
MEMBERS = {"cat/1.png": b"one" * 1000, "cat/2.png": b"", "dog/été 3.png": os.urandom(5000), "4.png": b"4"}


def index_of(path: Path) -> TarIndex:
    return tar_index(input_state(path), path)


def info(name: str, size: int = 0, **fields) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def tar_of(*entries: tuple[tarfile.TarInfo, bytes], archive_format: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=archive_format) as archive:
        for made, payload in entries:
            archive.addfile(made, io.BytesIO(payload))
    return stream.getvalue()


def tar_of_members(members: dict[str, bytes], archive_format: int = tarfile.PAX_FORMAT) -> bytes:
    entries = [(info(member, len(payload)), payload) for member, payload in members.items()]
    return tar_of(*entries, archive_format=archive_format)


def written(tmp_path: Path, payload: bytes, name: str = "photos.tar") -> TarArchive:
    path = tmp_path / name
    path.write_bytes(payload)
    return TarArchive(path, tmp_path / "cache")


def fetched(tree: TarArchive) -> TarArchive:
    tree.fetch(lambda done, total: None)
    return tree


def contents(tree) -> dict[str, bytes]:
    return {file.member: tree.read(file.member) for file in tree.files() if file.problem is None}


def problems(tree) -> dict[str, str | None]:
    return {file.member: file.problem for file in tree.files()}


def refused(tree, sentence: str, call=TarArchive.files):
    with pytest.raises(BadInput, match=f"^{re.escape(f'{tree.path}: {sentence}')}$"):
        call(tree)


def unreadable(tree, member: str, sentence: str):
    with pytest.raises(OSError, match=f"^{re.escape(sentence)}$"):
        tree.read(member)


@pytest.mark.parametrize("archive_format", FORMATS.values(), ids=FORMATS)
def test_members_and_their_bytes(tmp_path, archive_format):
    assert contents(written(tmp_path, tar_of_members(MEMBERS, archive_format))) == MEMBERS


@pytest.mark.parametrize("name", ["d" * 90 + "/" + "f" * 90, "d/" * 80 + "f", "é" * 90], ids=["two parts", "deep", "é"])
@pytest.mark.parametrize("archive_format", FORMATS.values(), ids=FORMATS)
def test_long_names(tmp_path, archive_format, name):
    if archive_format == tarfile.USTAR_FORMAT and "/" not in name:
        pytest.skip("this format cannot hold it")
    members = {name: b"1", "short": b"2"}
    assert contents(written(tmp_path, tar_of_members(members, archive_format))) == members


def test_very_long_names_of_links_are_skipped(tmp_path):
    link = info("a", type=tarfile.SYMTYPE, linkname="l" * 5000)
    payload = tar_of((link, b""), (info("b", 1), b"b"), archive_format=tarfile.GNU_FORMAT)
    assert problems(written(tmp_path, payload)) == {"a": "archive_link", "b": None}


def test_a_size_in_the_attributes_comes_before_that_of_the_header(tmp_path):
    payload = bytearray(tar_of((info("a", 3, pax_headers={"size": "3"}), b"abc"), (info("b", 1), b"b")))
    header = 2 * 512
    payload[header + 124 : header + 136] = b"00000000000\0"
    payload[header + 148 : header + 156] = b" " * 8
    payload[header + 148 : header + 156] = b"%06o\0 " % sum(payload[header : header + 512])
    assert contents(written(tmp_path, bytes(payload))) == {"a": b"abc", "b": b"b"}


def test_global_attributes_are_skipped(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", pax_headers={"comment": "0123"}) as archive:
        archive.addfile(info("a", 1), io.BytesIO(b"a"))
    assert contents(written(tmp_path, stream.getvalue())) == {"a": b"a"}


def test_times_in_old_gnu_headers_are_no_part_of_the_name(tmp_path):
    payload = bytearray(tar_of((info("a", 1), b"a"), archive_format=tarfile.GNU_FORMAT))
    payload[345:357] = b"14712345670\0"
    payload[148:156] = b" " * 8
    payload[148:156] = b"%06o\0 " % sum(payload[:512])
    assert contents(written(tmp_path, bytes(payload))) == {"a": b"a"}


def test_checksums_of_signed_bytes(tmp_path):
    payload = bytearray(tar_of((info("é", 1), b"a"), archive_format=tarfile.GNU_FORMAT))
    payload[148:156] = b" " * 8
    payload[148:156] = b"%06o\0 " % sum(byte - 256 if byte > 127 else byte for byte in payload[:512])
    assert contents(written(tmp_path, bytes(payload))) == {"é": b"a"}


def test_a_listed_file_has_its_size_and_the_state_of_the_archive(tmp_path):
    tree = written(tmp_path, tar_of_members({"cat/1.png": b"12345"}))
    os.utime(tree.path, ns=(1, 1_700_000_000_000_000_001))
    assert list(tree.files()) == [TreeFile("cat/1.png", 5, "10240-1700000000000000001")]


def test_the_index_says_where_each_file_lies(tmp_path):
    entries = (info("a", 3, mtime=1_700_000_000), b"abc"), (info("folder", type=tarfile.DIRTYPE), b"")
    payload = tar_of(*entries, (info("b/c", 1, mtime=-5), b"x"), archive_format=tarfile.GNU_FORMAT)
    index = index_of(written(tmp_path, payload).path)
    assert list(index) == [TarEntry("a", 512, 3, 1_700_000_000, None), TarEntry("b/c", 2048, 1, -5, None)]
    assert [payload[entry.offset : entry.offset + entry.size] for entry in index] == [b"abc", b"x"]
    assert index[-1:] == [index[1]]


def test_an_index_is_made_once_for_each_state_of_a_file(tmp_path):
    path = written(tmp_path, tar_of_members({"a": b"1"})).path
    before = index_of(path)
    assert index_of(path) is before
    os.utime(path, ns=(1, 1))
    assert index_of(path) is not before


@pytest.mark.parametrize("how", ["plain", *COMPRESS])
def test_a_tar_archive_is_known_by_its_content(tmp_path, how):
    payload = COMPRESS.get(how, bytes)(tar_of_members(MEMBERS))
    assert is_tar(written(tmp_path, payload, "photos.png").path)


def test_an_archive_without_files_is_one(tmp_path):
    tree = written(tmp_path, tar_of())
    assert is_tar(tree.path)
    assert list(tree.files()) == []


@pytest.mark.parametrize("how", ["plain", *COMPRESS])
@pytest.mark.parametrize("content", [b"", b"a text " * 500, b"\x89PNG\r\n\x1a\n", b"7" * 2000])
def test_other_files_are_no_tar_archives_whatever_their_name(tmp_path, how, content):
    assert not is_tar(written(tmp_path, COMPRESS.get(how, bytes)(content)).path)


@pytest.mark.parametrize("name", ["BZh91AY&SY.png", "\x1f.png", "PK\x03\x04.png"])
def test_a_plain_archive_whose_first_name_looks_like_something_else(tmp_path, name):
    tree = written(tmp_path, tar_of_members({name: b"1"}))
    assert is_tar(tree.path)
    assert tree.is_fetched


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "photos.tar")
    assert not is_tar(tmp_path / "photos.tar")


@pytest.mark.parametrize(
    ("entry", "member", "problem"),
    [
        (info("a", type=tarfile.SYMTYPE, linkname="good"), "a", "archive_link"),
        (info("a", type=tarfile.LNKTYPE, linkname="good"), "a", "archive_link"),
        (info("a", type=tarfile.FIFOTYPE), "a", "not_a_regular_file"),
        (info("a", type=tarfile.CHRTYPE), "a", "not_a_regular_file"),
        (info("a", type=b"V"), "a", "not_a_regular_file"),
        (info("a", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.name": "b"}), "b", "unsupported_compression"),
        (info("caf\udce9.png"), r"caf\xe9.png", "name_not_utf8"),
        (info("../a"), r"\x2e\x2e/a", "unsafe_name"),
        (info("/etc/passwd"), r"\x2fetc/passwd", "unsafe_name"),
        (info("a", pax_headers={"path": "a\0b"}), r"a\x00b", "unsafe_name"),
        (info("a/.b/c"), "a/.b/c", "hidden_file"),
    ],
)
def test_what_cannot_be_read_is_listed_with_its_problem(tmp_path, entry, member, problem):
    tree = written(tmp_path, tar_of((entry, b""), (info("good", 1), b"1")))
    assert problems(tree) == {member: problem, "good": None}


def test_reading_what_has_a_problem_says_which(tmp_path):
    tree = written(tmp_path, tar_of((info("a", type=tarfile.FIFOTYPE), b"")))
    unreadable(tree, "a", f"photos.tar: 'a' in it cannot be read: {PROBLEMS['not_a_regular_file'].sentence}")


def test_old_sparse_files_with_a_long_map(tmp_path):
    sparse = bytearray(info("a", 512, type=tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    sparse[482] = 1
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    maps = bytes(504) + b"\1" + bytes(7) + bytes(512)
    payload = bytes(sparse) + maps + b"d" * 512 + tar_of_members({"b": b"1"})
    tree = written(tmp_path, payload)
    assert problems(tree) == {"a": "unsupported_compression", "b": None}
    assert next(tree.files()).detail == "a sparse file; pack it again without --sparse"


def test_files_of_more_than_the_largest_image(tmp_path):
    path = tmp_path / "photos.tar"
    size = (1 << 30) + 1
    with path.open("wb") as file:
        file.write(info("a", size).tobuf())
        file.truncate(512 + (1 << 30) + 512 + 1024)
    assert problems(TarArchive(path, tmp_path)) == {"a": "file_too_large"}


def test_the_first_of_two_files_of_one_name_is_read(tmp_path):
    tree = written(tmp_path, tar_of((info("a", 1), b"1"), (info("./a", 1), b"2")))
    assert problems(tree) == {"a": None, "a~2": "duplicate_name"}
    assert tree.read("a") == b"1"


def test_folders_are_no_members(tmp_path):
    payload = tar_of((info("./", type=tarfile.DIRTYPE), b""), (info("b/", type=tarfile.REGTYPE), b""))
    assert problems(written(tmp_path, payload)) == {}


@pytest.mark.parametrize("blocks", [1, 3, 4])
def test_an_archive_cut_off_at_a_header(tmp_path, blocks):
    payload = tar_of_members({"a": b"", "b": b"2", "c": b""})
    tree = written(tmp_path, payload[: blocks * 512])
    refused(tree, CUT_OFF.format(place=blocks * 512) + "; copy or download it again")


def test_an_archive_cut_off_in_a_header(tmp_path):
    tree = written(tmp_path, tar_of_members({"a": b"", "b": b"2"})[:1000])
    refused(tree, CUT_OFF.format(place=512) + "; copy or download it again")


def test_an_archive_cut_off_in_a_file(tmp_path):
    tree = written(tmp_path, tar_of_members({"a": b"", "b": bytes(1000)})[:1500])
    what = "a file of 1000 bytes begins there, more than there are: it was cut off"
    refused(tree, f"damaged tar archive at byte 1024 ({what}); copy or download it again")


def test_damage_in_the_middle_is_not_taken_for_the_end(tmp_path):
    payload = bytearray(tar_of_members({"a": b"", "b": b"2", "c": b""}))
    payload[512 + 20] ^= 1
    with tarfile.open(fileobj=io.BytesIO(payload)) as archive:
        assert archive.getnames() == ["a"]
    refused(
        written(tmp_path, bytes(payload)),
        "damaged tar archive at byte 512 (no header of a file is there); copy or download it again",
    )


def test_archives_joined_together_are_not_read_in_part(tmp_path):
    tree = written(tmp_path, tar_of_members({"a": b"1"}) + tar_of_members({"b": b"2"}))
    what = "more follows at byte 10240, behind the end mark at byte 1024, as when archives are joined by `cat`"
    refused(tree, f"{what}; unpack it with `tar --ignore-zeros` and give the folder")


def with_size(field: bytes, kind: bytes = b"0") -> bytes:
    header = bytearray(info("a", type=kind).tobuf())
    header[124:136] = field
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


@pytest.mark.parametrize(
    ("payload", "place", "what"),
    [
        (with_size(b"\xff" * 12), 512, "a file of -1 bytes begins there, more than there are: it was cut off"),
        (
            with_size(b"\x80" + b"\xff" * 11),
            512,
            f"a file of {(1 << 88) - 1} bytes begins there, more than there are: it was cut off",
        ),
        (with_size(b"no number..."), 0, "no header of a file is there"),
        (with_size(b"00100000000\0", b"L"), 0, "16777216 bytes of names and attributes for one file"),
        (with_size(b"00000001000\0", b"x"), 512, "no attribute of a file is there"),
        (with_size(b"00000010000\0", b"x"), 1536, "it ends there in the middle of a header, so that it was cut off"),
    ],
)
def test_headers_that_lie(tmp_path, payload, place, what):
    if what == "no attribute of a file is there":
        payload = payload[:512] + b"no attribute" + payload[524:]
    tree = written(tmp_path, payload)
    refused(tree, f"damaged tar archive at byte {place} ({what}); copy or download it again")


def test_a_name_without_a_file(tmp_path):
    payload = tar_of((info("n" * 150, 0), b""), archive_format=tarfile.GNU_FORMAT)
    tree = written(tmp_path, payload[:1024] + bytes(10240 - 1024))
    what = "it ends between the two headers of a file"
    refused(tree, f"damaged tar archive at byte 1024 ({what}); copy or download it again")


def test_a_member_that_is_not_there(tmp_path):
    unreadable(written(tmp_path, tar_of_members(MEMBERS)), "cat", "photos.tar: it holds no file 'cat'")


def test_an_archive_that_shrinks_while_it_is_read(tmp_path):
    tree = written(tmp_path, tar_of_members({"a": bytes(5000)}))
    index = index_of(tree.path)
    os.truncate(tree.path, 1000)
    with pytest.raises(OSError, match=r"^photos\.tar: it ends at byte 1000, in the middle of a file$"):
        index.read("a")


@pytest.mark.parametrize("how", COMPRESS)
def test_a_compressed_archive_reads_the_same_once_it_is_fetched(tmp_path, how):
    tree = written(tmp_path, COMPRESS[how](tar_of_members(MEMBERS)))
    assert not tree.is_fetched
    tree.fetch(lambda done, total: None)
    assert tree.is_fetched
    assert contents(tree) == MEMBERS


def test_a_plain_archive_needs_no_fetching(tmp_path):
    tree = fetched(written(tmp_path, tar_of_members(MEMBERS)))
    assert tree.is_fetched
    assert not tree.cache.exists()


def test_files_of_a_compressed_archive_carry_its_state_not_that_of_the_copy(tmp_path):
    tree = fetched(written(tmp_path, gzip.compress(tar_of_members({"a": b"1"}))))
    status = tree.path.stat()
    assert next(tree.files()).version_tag == f"{status.st_size}-{status.st_mtime_ns}"


def test_streams_one_after_the_other_and_zeros_behind_them(tmp_path):
    payload = tar_of_members(MEMBERS)
    parts = [gzip.compress(payload[start : start + 700]) for start in range(0, len(payload), 700)]
    assert contents(fetched(written(tmp_path, b"".join(parts) + bytes(100_000)))) == MEMBERS


@pytest.mark.parametrize("how", COMPRESS)
def test_an_archive_larger_than_all_buffers(tmp_path, how):
    members = {"a": os.urandom(1 << 20) + bytes(3 << 20), "b": b"b"}
    assert contents(fetched(written(tmp_path, COMPRESS[how](tar_of_members(members))))) == members


def test_progress_counts_compressed_bytes(tmp_path):
    tree = written(tmp_path, gzip.compress(tar_of_members({"a": os.urandom(1 << 20)})))
    calls = []
    tree.fetch(lambda done, total: calls.append((done, total)))
    size = tree.path.stat().st_size
    assert calls[-1] == (size, size)
    assert all(0 < done <= size == total for done, total in calls)


def test_before_it_is_fetched_a_compressed_archive_says_what_to_do(tmp_path):
    tree = written(tmp_path, gzip.compress(tar_of_members(MEMBERS)))
    sentence = "it is compressed, and has to be decompressed by `fetch` first"
    refused(tree, sentence)
    unreadable(tree, "4.png", f"photos.tar: {sentence}")


def test_only_the_copy_of_the_present_state_is_kept(tmp_path):
    before = fetched(written(tmp_path, gzip.compress(tar_of_members({"a": b"before"}))))
    (old,) = before.cache.glob("*.tar")
    other = fetched(written(tmp_path, gzip.compress(tar_of_members({"a": b"other"})), "other.tar"))
    after = fetched(written(tmp_path, gzip.compress(tar_of_members({"a": b"after the change"}))))
    assert contents(after) == {"a": b"after the change"}
    assert not old.exists()
    assert contents(other) == {"a": b"other"}


def test_a_second_fetch_does_nothing(tmp_path):
    tree = fetched(written(tmp_path, gzip.compress(tar_of_members(MEMBERS))))
    (copy,) = tree.cache.glob("*.tar")
    before = copy.stat()
    fetched(tree)
    assert copy.stat() == before


@pytest.mark.parametrize("how", COMPRESS)
def test_a_compressed_archive_that_was_cut_off(tmp_path, how):
    tree = written(tmp_path, COMPRESS[how](tar_of_members({"a": os.urandom(5000)}))[:-100])
    refused(tree, f"damaged {how} file (it ends in the middle of its data); copy or download it again", fetched)
    assert not [*tree.cache.glob("*.tar"), *tree.cache.glob("*.tmp")]


def test_a_compressed_archive_with_a_flipped_bit(tmp_path):
    payload = bytearray(gzip.compress(tar_of_members({"a": os.urandom(5000)})))
    payload[-5] ^= 1
    what = "Error -3 while decompressing data: incorrect data check"
    refused(written(tmp_path, bytes(payload)), f"damaged gzip file ({what}); copy or download it again", fetched)


def test_a_damaged_archive_in_an_intact_compressed_file(tmp_path):
    tree = fetched(written(tmp_path, gzip.compress(tar_of_members({"a": b"1"})[:1024])))
    refused(tree, CUT_OFF.format(place=1024) + "; copy or download it again")


@pytest.mark.parametrize(("mark", "name"), [(b"\x28\xb5\x2f\xfd", "Zstandard"), (b"\x04\x22\x4d\x18", "LZ4")])
def test_compressions_that_are_not_read_are_named(tmp_path, mark, name):
    tree = written(tmp_path, mark + bytes(100))
    assert is_tar(tree.path)
    refused(tree, f"compressed by {name}, which is not read; decompress it first", lambda tree: tree.is_fetched)


def test_an_archive_that_unpacks_to_far_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_limits, "MAX_EXTRA_BYTES", 0)
    tree = written(tmp_path, gzip.compress(tar_of_members({"a": bytes(8 << 20)})))
    size = tree.path.stat().st_size
    sentence = rf"^{re.escape(f'{tree.path}: its {size} bytes unpack to ')}\d+ or more, over 200 times as much, which"
    with pytest.raises(BadInput, match=sentence):
        fetched(tree)
    assert not [*tree.cache.glob("*.tar"), *tree.cache.glob("*.tmp")]


@contextmanager
def largest_file_bytes(size: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    tree = written(tmp_path, gzip.compress(tar_of_members({"a": os.urandom(3 << 20)})))
    sentence = f"[Errno {errno.EFBIG}] {tree.path}: no space to decompress it (File too large); free some"
    with largest_file_bytes(1 << 20), pytest.raises(OSError, match=f"^{re.escape(sentence)}$"):
        fetched(tree)
    assert not [*tree.cache.glob("*.tar"), *tree.cache.glob("*.tmp")]


def test_only_what_lies_below_the_root(tmp_path):
    path = written(tmp_path, tar_of_members({"photos/cat/1.png": b"1", "dog/2.png": b"2"})).path
    tree = TarArchive(path, tmp_path, "photos")
    assert contents(tree) == {"cat/1.png": b"1"}
    assert tree.origin("cat/1.png") == "tar:photos.tar!/photos/cat/1.png"


def test_a_root_that_is_not_there(tmp_path):
    path = written(tmp_path, tar_of_members({"photos/cat/1.png": b"1", "dog/2.png": b"2"})).path
    refused(
        TarArchive(path, tmp_path, "photo"),
        "it holds no folder 'photo' with files in it; its folders are photos, dog",
    )


def test_a_location_may_name_a_folder_in_the_archive(tmp_path):
    path = written(tmp_path, tar_of_members({"photos/cat/1.png": b"1"})).path
    cache = tmp_path / "cache"
    assert open_tree(str(path), cache) == TarArchive(path, cache)
    assert open_tree(f"{path}!/photos", cache) == TarArchive(path, cache, "photos")


def test_the_identity_tells_archives_states_and_roots_apart(tmp_path):
    tree = written(tmp_path, tar_of_members(MEMBERS))
    os.utime(tree.path, ns=(1, 1_700_000_000_000_000_001))
    before = tree.identity()
    assert before == f"photos.tar {tree.path.stat().st_size}-1700000000000000001 "
    os.utime(tree.path, ns=(1, 1_700_000_000_000_000_002))
    assert len({before, tree.identity(), TarArchive(tree.path, tree.cache, "cat").identity()}) == 3


def test_a_pickled_archive_reads_the_same(tmp_path):
    tree = fetched(written(tmp_path, gzip.compress(tar_of_members(MEMBERS))))
    assert contents(pickle.loads(pickle.dumps(tree))) == MEMBERS


def test_four_threads_read_what_one_reads(tmp_path):
    members = {f"{number}": os.urandom(10 + number * 37 % 5000) for number in range(500)}
    tree = written(tmp_path, tar_of_members(members))
    with ThreadPoolExecutor(4) as threads:
        read = dict(zip(members, threads.map(tree.read, members), strict=True))
    assert read == members


SAFE_NAMES = st.text(st.sampled_from("abé/."), min_size=1, max_size=120).filter(
    lambda name: not name.startswith("/") and not {"", ".", ".."} & set(name.split("/"))
)


@settings(max_examples=60)
@given(
    members=st.dictionaries(SAFE_NAMES, st.binary(max_size=1200), max_size=5),
    archive_format=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_what_the_standard_library_writes_is_read(tmp_path_factory, members, archive_format):
    path = tmp_path_factory.getbasetemp() / "written.tar"
    path.unlink(missing_ok=True)
    path.write_bytes(tar_of_members(members, archive_format))
    index = index_of(path)
    assert {entry.name: index.read(entry.name) for entry in index} == members


@pytest.fixture(scope="module")
def intact() -> bytes:
    entries = [
        (info("n" * 150, 700), b"x" * 700),
        (info("é", 3), b"abc"),
        (info("l", type=tarfile.SYMTYPE, linkname="é"), b""),
    ]
    gnu = tar_of(*entries, archive_format=tarfile.GNU_FORMAT).rstrip(b"\0")
    return gnu + bytes(-len(gnu) % 512) + tar_of(*entries)[:9216]


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_is_changed_only_the_two_errors_come(tmp_path_factory, intact, data):
    payload = bytearray(intact)
    for _ in range(data.draw(st.integers(1, 3))):
        header = data.draw(st.integers(0, len(payload) // 512 - 1)) * 512
        place = header + data.draw(st.sampled_from([0, 100, 124, 136, 156, 257, 345, 482, 500]))
        change = data.draw(st.binary(max_size=12))
        payload[place : place + len(change)] = change
        block = payload[header : header + 512]
        block[148:156] = b" " * 8
        if data.draw(st.booleans()):
            payload[header + 148 : header + 156] = b"%06o\0 " % sum(block)
    path = tmp_path_factory.getbasetemp() / "changed.tar"
    path.unlink(missing_ok=True)
    path.write_bytes(payload[: data.draw(st.integers(0, len(payload)))] if data.draw(st.booleans()) else payload)
    tree = TarArchive(path, path.parent / "cache")
    try:
        tree.fetch(lambda done, total: None)
        members = [file.member for file in tree.files()]
    except BadInput as error:
        assert str(path) in str(error)
        return
    assert len(set(members)) == len(members)
    for member in members:
        try:
            tree.read(member)
        except OSError as error:
            assert "changed.tar" in str(error)


@settings(max_examples=100)
@given(how=st.sampled_from(sorted(COMPRESS)), place=st.integers(0, 10_000), change=st.binary(min_size=1, max_size=4))
def test_whatever_is_changed_in_compressed_bytes_is_noticed_or_harmless(tmp_path_factory, intact, how, place, change):
    payload = bytearray(COMPRESS[how](intact))
    place %= len(payload)
    payload[place : place + len(change)] = change
    path = tmp_path_factory.getbasetemp() / "changed.tar.gz"
    path.unlink(missing_ok=True)
    path.write_bytes(payload)
    tree = TarArchive(path, path.parent / "cache")
    try:
        is_tar(path)
        members = [file.member for file in fetched(tree).files()]
    except BadInput as error:
        assert str(path) in str(error)
        return
    assert [entry for entry in members if entry.endswith("é")]


@pytest.mark.skipif(DATA is None, reason="AUGMENT_DATASET_TEST_DATA is not set, so that there are no photographs")
@pytest.mark.parametrize("how", ["plain", "gzip"])
def test_photographs_are_the_same_in_the_archive_and_in_the_folder(tmp_path, how):
    folder = LocalFolder(Path(DATA) / "clothing" / "train")
    members = {file.member: folder.read(file.member) for file in list(folder.files())[::50]}
    tree = fetched(written(tmp_path, COMPRESS.get(how, bytes)(tar_of_members(members))))
    assert contents(tree) == members
    assert len(members) > 40
