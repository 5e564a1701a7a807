import io
import os
import pickle
import re
import stat
import struct
import sys
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.sources.base import PROBLEMS
from datasets.sources.trees.file_tree import TreeFile
from datasets.sources.trees.local_folder import LocalFolder
from datasets.sources.trees.opening import open_tree
from datasets.sources.trees.zip_archive import ZipArchive, is_zip

DATA = os.environ.get("AUGMENT_DATASET_TEST_DATA")
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
MAX_32 = 0xFFFFFFFF


@dataclass
class Entry:
    """One file of a zip archive, with every field free to lie."""

    name: bytes
    payload: bytes = b"payload"
    method: int = 0
    flags: int = 0x800
    size: int | None = None
    crc: int | None = None
    mode: int = 0
    stored: bytes | None = None
    extra: bytes = b""

    def __post_init__(self):
        if self.stored is None:
            self.stored = deflated(self.payload) if self.method == 8 else self.payload
        self.size = len(self.payload) if self.size is None else self.size
        self.crc = zlib.crc32(self.payload) if self.crc is None else self.crc

    def local(self) -> bytes:
        sizes = self.crc, len(self.stored), self.size & MAX_32, len(self.name), 0
        return struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, self.flags, self.method, 0, 33, *sizes) + self.name

    def central(self, offset: int) -> bytes:
        sizes = self.crc, len(self.stored), self.size, len(self.name), len(self.extra), 0, 0, 0
        head = struct.pack("<4s6H3L5H", b"PK\x01\x02", 3 << 8 | 20, 20, self.flags, self.method, 0, 33, *sizes)
        return head + struct.pack("<2L", self.mode << 16, offset) + self.name + self.extra


def deflated(payload: bytes) -> bytes:
    return zlib.compress(payload)[2:-4]


def zip_of(*entries: Entry, files: int | None = None, disk: int = 0) -> bytes:
    body, directory = b"", b""
    for entry in entries:
        directory += entry.central(len(body))
        body += entry.local() + entry.stored
    count = len(entries) if files is None else files
    return body + directory + struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, count, count, len(directory), len(body), 0)


def written(tmp_path: Path, payload: bytes, name: str = "photos.zip") -> ZipArchive:
    path = tmp_path / name
    path.write_bytes(payload)
    return ZipArchive(path)


def packed(tmp_path: Path, members: dict[str, bytes], **how) -> ZipArchive:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", **how) as archive:
        for member, payload in members.items():
            archive.writestr(member, payload)
    return ZipArchive(path)


def contents(tree) -> dict[str, bytes]:
    return {file.member: tree.read(file.member) for file in tree.files() if file.problem is None}


def problems(tree) -> dict[str, str | None]:
    return {file.member: file.problem for file in tree.files()}


def refused(tree, sentence: str):
    with pytest.raises(BadInput, match=f"^{re.escape(f'{tree.path}: {sentence}')}$"):
        tree.files()


def unreadable(tree, member: str, sentence: str):
    with pytest.raises(OSError, match=f"^{re.escape(sentence)}$"):
        tree.read(member)


MEMBERS = {"cat/1.png": b"one" * 1000, "cat/2.png": b"", "dog/été 3.png": os.urandom(5000), "4.png": b"4"}


@pytest.mark.parametrize("method", METHODS)
def test_members_and_their_bytes(tmp_path, method):
    assert contents(packed(tmp_path, MEMBERS, compression=method)) == MEMBERS


@pytest.mark.parametrize("method", METHODS)
def test_a_large_member_is_unpacked_in_pieces(tmp_path, method):
    payload = os.urandom(3 << 20) + bytes(3 << 20)
    assert contents(packed(tmp_path, {"a": payload}, compression=method)) == {"a": payload}


def test_a_listed_file_has_its_size_and_checksum(tmp_path):
    listed = list(packed(tmp_path, {"cat/1.png": b"123456789"}).files())
    assert listed == [TreeFile("cat/1.png", 9, "cbf43926")]


def test_a_zip_archive_is_known_by_its_content(tmp_path):
    path = packed(tmp_path, MEMBERS).path.rename(tmp_path / "photos.png")
    assert is_zip(path)


def test_an_archive_without_files_is_one(tmp_path):
    assert is_zip(packed(tmp_path, {}).path)


@pytest.mark.parametrize("content", [b"", b"P", b"a text, no archive" * 5000, b"\x89PNG\r\n\x1a\n"])
def test_other_files_are_no_zip_archives_whatever_their_name(tmp_path, content):
    assert not is_zip(written(tmp_path, content).path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "photos.zip")
    assert not is_zip(tmp_path / "photos.zip")


def test_an_archive_behind_a_program_that_unpacks_it(tmp_path):
    payload = packed(tmp_path, MEMBERS).path.read_bytes()
    archive = written(tmp_path, b"#!/bin/sh\n" * 1000 + payload)
    assert is_zip(archive.path)
    assert contents(archive) == MEMBERS


def test_an_archive_with_a_comment(tmp_path):
    archive = packed(tmp_path, MEMBERS)
    with zipfile.ZipFile(archive.path, "a") as writer:
        writer.comment = b"PK\x05\x06" + b"c" * 60000
    assert contents(archive) == MEMBERS


def test_more_files_than_fit_into_the_old_end_record(tmp_path):
    archive = packed(tmp_path, {f"{number}": b"" for number in range(66_000)})
    assert [file.member for file in archive.files()] == [f"{number}" for number in range(66_000)]


def test_sizes_and_places_of_64_bits(tmp_path):
    path, payload = tmp_path / "photos.zip", b"p" * 1000
    first, second = Entry(b"a", payload), Entry(b"b", b"second")
    body = first.local() + payload + second.local() + b"second"
    directory = b""
    for entry, offset in ((first, 0), (second, len(first.local()) + 1000)):
        field = struct.pack("<2H3Q", 1, 24, len(entry.payload), len(entry.payload), offset)
        header = bytearray(entry.central(MAX_32) + field)
        header[20:28], header[30:32] = b"\xff" * 8, struct.pack("<H", len(field))
        directory += header
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, len(directory), len(body))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(directory), 1)
    path.write_bytes(
        body + directory + end + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, MAX_32, MAX_32, 0)
    )
    with zipfile.ZipFile(path) as other_reader:
        assert other_reader.read("b") == b"second"
    assert contents(ZipArchive(path)) == {"a": payload, "b": b"second"}


@pytest.mark.parametrize(
    ("raw_name", "flags", "name"),
    [
        ("café.png".encode(), 0x800, "café.png"),
        ("café.png".encode("cp437"), 0, "café.png"),
        ("café.png".encode(), 0, "café.png"),
    ],
    ids=["flagged as UTF-8", "code page of DOS", "UTF-8 without the flag, as macOS writes it"],
)
def test_encodings_of_names(tmp_path, raw_name, flags, name):
    assert contents(written(tmp_path, zip_of(Entry(raw_name, flags=flags)))) == {name: b"payload"}


def test_a_unicode_name_beside_the_old_one(tmp_path):
    name = "日本.png".encode()
    extra = struct.pack("<2HBL", 0x7075, 5 + len(name), 1, zlib.crc32(b"??.png")) + name
    assert problems(written(tmp_path, zip_of(Entry(b"??.png", flags=0, extra=extra)))) == {"日本.png": None}


def test_a_unicode_name_that_belongs_to_another_one_is_left(tmp_path):
    extra = struct.pack("<2HBL", 0x7075, 5 + 1, 1, zlib.crc32(b"other")) + b"x"
    assert list(problems(written(tmp_path, zip_of(Entry(b"a.png", flags=0, extra=extra))))) == ["a.png"]


@pytest.mark.parametrize(
    ("entry", "member", "problem"),
    [
        (Entry(b"caf\xe9.png"), r"caf\xe9.png", "name_not_utf8"),
        (Entry(b"a", flags=1), "a", "encrypted"),
        (Entry(b"a", method=99), "a", "encrypted"),
        (Entry(b"a", method=93), "a", "unsupported_compression"),
        (Entry(b"a", mode=stat.S_IFLNK | 0o777), "a", "archive_link"),
        (Entry(b"a", mode=stat.S_IFIFO), "a", "not_a_regular_file"),
        (Entry(b"a/"), "a", "not_a_regular_file"),
        (Entry(b"a", size=(1 << 30) + 1), "a", "file_too_large"),
        (Entry(b"../a"), r"\x2e\x2e/a", "unsafe_name"),
        (Entry(b"a\\..\\b"), r"a/\x2e\x2e/b", "unsafe_name"),
        (Entry(b"/etc/passwd"), r"\x2fetc/passwd", "unsafe_name"),
        (Entry(b"a\0.png"), r"a\x00.png", "unsafe_name"),
    ],
)
def test_what_cannot_be_read_is_listed_with_its_problem(tmp_path, entry, member, problem):
    tree = written(tmp_path, zip_of(entry, Entry(b"good")))
    assert problems(tree) == {member: problem, "good": None}
    unreadable(tree, member, f"photos.zip: {member!r} in it cannot be read: {PROBLEMS[problem].sentence}")


def test_a_compression_that_is_not_read_is_named(tmp_path):
    (file,) = written(tmp_path, zip_of(Entry(b"a", method=93))).files()
    assert file.detail == "compressed by Zstandard; pack it again without"


def test_folders_are_no_members(tmp_path):
    folders = Entry(b"a/", b""), Entry(b"b\\", b""), Entry(b"c", b"", mode=stat.S_IFDIR | 0o755)
    assert problems(written(tmp_path, zip_of(*folders, Entry(b"a/1.png")))) == {"a/1.png": None}


def test_hidden_files(tmp_path):
    names = b".DS_Store", b"a/._1.png", b".git/config", b"__MACOSX/a/1.png", b"./a/1.png"
    tree = written(tmp_path, zip_of(*map(Entry, names)))
    assert problems(tree) == dict.fromkeys(
        (".DS_Store", "a/._1.png", ".git/config", "__MACOSX/a/1.png"), "hidden_file"
    ) | {"a/1.png": None}


def test_the_first_of_two_files_of_one_name_is_read(tmp_path):
    tree = written(tmp_path, zip_of(Entry(b"a", b"first"), Entry(b"b"), Entry(b"a", b"second")))
    assert problems(tree) == {"a": None, "b": None, "a~2": "duplicate_name"}
    assert tree.read("a") == b"first"


def test_reading_stops_at_the_declared_size(tmp_path):
    entry = Entry(b"a", b"12345", method=8, stored=deflated(b"12345" + bytes(1 << 20)))
    assert written(tmp_path, zip_of(entry)).read("a") == b"12345"


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        (Entry(b"a", crc=1), "its checksum does not fit"),
        (Entry(b"a", size=8), "it has 7 of 8 bytes"),
        (Entry(b"a", method=8, size=8), "it has 7 of 8 bytes"),
        (
            Entry(b"a", method=8, stored=b"\xff\xff"),
            "Error -3 while decompressing data: invalid block type",
        ),
        (Entry(b"a", method=12, stored=b"no bzip2"), "Invalid data stream"),
        (Entry(b"a", method=14, stored=b"\x09\x04\x05\x00\xff\0\0\0\0data"), "no LZMA properties"),
        (Entry(b"a", method=14, stored=b"\x09\x04\xff\xffdata"), "no LZMA properties"),
    ],
)
def test_damaged_content(tmp_path, entry, what):
    tree = written(tmp_path, zip_of(entry))
    unreadable(tree, "a", f"photos.zip: 'a' in it is damaged ({what}); copy or download the archive again")


def test_a_file_that_does_not_begin_where_it_should(tmp_path):
    payload = bytearray(zip_of(Entry(b"a")))
    payload[0:4] = b"oops"
    what = "it does not begin where the list of files says"
    unreadable(
        written(tmp_path, bytes(payload)),
        "a",
        f"photos.zip: 'a' in it is damaged ({what}); copy or download the archive again",
    )


def test_a_dictionary_of_four_gibibytes_is_not_allocated(tmp_path):
    tree = packed(tmp_path, {"a": b"12345" * 1000}, compression=zipfile.ZIP_LZMA)
    payload = bytearray(tree.path.read_bytes())
    dictionary = 30 + 1 + 4 + 1
    payload[dictionary : dictionary + 4] = b"\xff\xff\xff\xff"
    assert written(tmp_path, bytes(payload)).read("a") == b"12345" * 1000


def test_a_member_that_is_not_there(tmp_path):
    unreadable(packed(tmp_path, MEMBERS), "cat", "photos.zip: it holds no file 'cat'")


def test_an_archive_that_is_gone(tmp_path):
    tree = packed(tmp_path, MEMBERS)
    tree.path.unlink()
    unreadable(
        tree,
        "4.png",
        "photos.zip: cannot be read (No such file or directory); give an archive that can",
    )


def test_an_archive_that_unpacks_to_far_too_much(tmp_path):
    payload = zip_of(Entry(b"a", size=MAX_32 - 1))
    sentence = (
        f"its {len(payload)} bytes unpack to 4294967294 or more, over 200 times as much, "
        "which no archive of images does; unpack it yourself if you trust it, and give the folder"
    )
    refused(written(tmp_path, payload), sentence)


def test_files_that_overlap(tmp_path):
    inner = Entry(b"b", b"kernel")
    outer = Entry(b"a", inner.local() + inner.stored)
    body = outer.local() + outer.stored
    directory = outer.central(0) + inner.central(len(outer.local()))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(directory), len(body), 0)
    sentence = (
        "files in it overlap, which no honest archive does; unpack it yourself if you trust it, and give the folder"
    )
    refused(written(tmp_path, body + directory + end), sentence)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_an_archive_that_was_cut_off(tmp_path, share):
    payload = packed(tmp_path, MEMBERS).path.read_bytes()
    tree = written(tmp_path, payload[: int(len(payload) * share)])
    assert is_zip(tree.path)
    what = "the list of its files, which ends every zip archive, is missing, so that it was cut off"
    refused(tree, f"damaged zip archive ({what}); copy or download it again")


@pytest.mark.parametrize(
    ("place", "new", "what"),
    [
        (-10, 87, "its list of files ends early, at byte 83"),
        (-3, 255, "its end says that the list of files lies elsewhere"),
        (-12, 9, "its list has 2 files where its end says 9"),
        (76 + 45, 255, "file 1 of its list should lie where the archive has no files"),
        (76 + 47, ord("X"), "its list of files ends early, at byte 123"),
    ],
)
def test_a_damaged_list_of_files(tmp_path, place, new, what):
    payload = bytearray(zip_of(Entry(b"a"), Entry(b"b")))
    payload[place] = new
    refused(written(tmp_path, bytes(payload)), f"damaged zip archive ({what}); copy or download it again")


def test_one_part_of_a_split_archive(tmp_path):
    tree = written(tmp_path, zip_of(Entry(b"a"), disk=1))
    refused(tree, "one part of a split zip archive; join the parts (`zip -s 0`) and give the result")


NESTED = {"photos/cat/1.png": b"1", "photos/.hidden/2.png": b"2", "photos2/dog/3.png": b"3", "readme": b"4"}


def test_only_what_lies_below_the_root(tmp_path):
    tree = ZipArchive(packed(tmp_path, NESTED).path, "photos")
    assert problems(tree) == {"cat/1.png": None, ".hidden/2.png": "hidden_file"}
    assert tree.read("cat/1.png") == b"1"
    assert tree.origin("cat/1.png") == "zip:photos.zip!/photos/cat/1.png"


def test_a_hidden_root_hides_nothing(tmp_path):
    tree = ZipArchive(packed(tmp_path, NESTED).path, "photos/.hidden")
    assert contents(tree) == {"2.png": b"2"}


def test_a_root_that_is_not_there(tmp_path):
    tree = ZipArchive(packed(tmp_path, NESTED).path, "photo")
    refused(tree, "it holds no folder 'photo' with files in it; its folders are photos, photos2")


def test_a_root_in_an_archive_with_many_folders(tmp_path):
    tree = ZipArchive(packed(tmp_path, {f"{number}/a": b"" for number in range(12)}).path, "photo")
    refused(tree, f"it holds no folder 'photo' with files in it; its folders are {', '.join('0123456789')} and 2 more")


def test_a_root_in_an_archive_without_folders(tmp_path):
    tree = ZipArchive(packed(tmp_path, {"a": b""}).path, "photo")
    refused(tree, "it holds no folder 'photo' with files in it; it has no folders, so give the archive alone")


def test_a_location_may_name_a_folder_in_the_archive(tmp_path):
    path = packed(tmp_path, NESTED).path
    assert open_tree(f"{path}!/photos/cat/", tmp_path / "cache") == ZipArchive(path, "photos/cat")
    assert open_tree(f"{path}!", tmp_path / "cache") == ZipArchive(path)


def test_a_folder_whose_name_ends_in_an_exclamation_mark(tmp_path):
    (tmp_path / "wow!" / "cat").mkdir(parents=True)
    assert open_tree(str(tmp_path / "wow!" / "cat"), tmp_path) == LocalFolder(tmp_path / "wow!" / "cat")
    path = packed(tmp_path / "wow!", NESTED).path
    assert open_tree(f"{path}!/photos", tmp_path) == ZipArchive(path, "photos")


def test_the_origin_is_a_uri_without_local_folders(tmp_path):
    path = packed(tmp_path, MEMBERS).path.rename(tmp_path / "my photos.zip")
    assert ZipArchive(path).origin("dog/été 3.png") == "zip:my%20photos.zip!/dog/%C3%A9t%C3%A9%203.png"


def test_the_identity_tells_archives_states_and_roots_apart(tmp_path):
    path = packed(tmp_path, NESTED).path
    os.utime(path, ns=(1, 1_700_000_000_000_000_001))
    before = ZipArchive(path).identity()
    assert before == f"photos.zip {path.stat().st_size}-1700000000000000001 "
    os.utime(path, ns=(1, 1_700_000_000_000_000_002))
    assert len({before, ZipArchive(path).identity(), ZipArchive(path, "photos").identity()}) == 3


def test_a_changed_archive_is_opened_anew(tmp_path):
    before = packed(tmp_path, {"a": b"before"})
    assert contents(before) == {"a": b"before"}
    os.utime(packed(tmp_path, {"a": b"after!"}).path, ns=(1, 1))
    assert contents(before) == {"a": b"after!"}


def test_a_pickled_archive_reads_the_same(tmp_path):
    tree = packed(tmp_path, MEMBERS)
    assert contents(pickle.loads(pickle.dumps(tree))) == MEMBERS


def test_four_threads_read_what_one_reads(tmp_path):
    members = {f"{number}": os.urandom(10 + number * 37 % 5000) for number in range(500)}
    tree = packed(tmp_path, members, compression=zipfile.ZIP_DEFLATED)
    with ThreadPoolExecutor(4) as threads:
        read = dict(zip(members, threads.map(tree.read, members), strict=True))
    assert read == members


@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")
def test_dropped_archives_are_closed(tmp_path):
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(20):
        archive = packed(tmp_path, MEMBERS).path.rename(tmp_path / f"{number}.zip")
        assert ZipArchive(archive).read("4.png") == b"4"
    assert len(list(Path("/proc/self/fd").iterdir())) - open_before <= 8


@pytest.fixture(scope="module")
def intact() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number, method in enumerate(METHODS):
            archive.writestr(f"cat/{number}.png", bytes(range(40)) * number, method)
    return stream.getvalue()


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_is_changed_only_the_two_errors_come(tmp_path_factory, intact, data):
    payload = bytearray(intact)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(payload) - 1))
        change = data.draw(st.binary(max_size=6))
        payload[place : place + data.draw(st.integers(0, 6))] = change
    path = tmp_path_factory.getbasetemp() / "changed.zip"
    path.unlink(missing_ok=True)
    path.write_bytes(payload)
    tree = ZipArchive(path)
    try:
        members = [file.member for file in tree.files()]
    except BadInput as error:
        assert str(path) in str(error)
        return
    assert len(set(members)) == len(members)
    for member in members:
        try:
            tree.read(member)
        except OSError as error:
            assert "changed.zip" in str(error)


@pytest.mark.skipif(DATA is None, reason="AUGMENT_DATASET_TEST_DATA is not set, so that there are no photographs")
def test_photographs_are_the_same_in_the_archive_and_in_the_folder(tmp_path):
    folder = LocalFolder(Path(DATA) / "clothing" / "train")
    members = [file.member for file in folder.files()][::50]
    tree = packed(tmp_path, {member: folder.read(member) for member in members}, compression=zipfile.ZIP_DEFLATED)
    assert contents(tree) == {member: folder.read(member) for member in members}
    assert len(members) > 40
