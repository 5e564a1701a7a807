"""The list of files at the end of a zip archive, read as a stream into a compact table.

The format is that of PKWARE's APPNOTE.TXT: end record, its 64-bit version, then one header for each file.
"""

import re
import stat
import struct
import zlib
from array import array
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from datasets.errors import BadInput
from datasets.sources.trees.archive_file import ArchiveFile
from datasets.sources.trees.archive_limits import most_unpacked_bytes, too_much
from datasets.sources.trees.member_table import MemberTable

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
METHODS = {9: "Deflate64", 93: "Zstandard", 94: "MP3", 95: "xz", 96: "JPEG", 97: "WavPack", 98: "PPMd"}
"""Names of those that are not read."""

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_MARK = b"PK\x06\x07"
_END_64 = struct.Struct("<4sQ2H2L4Q")
_END_64_MARK = b"PK\x06\x06"
_HEADER = struct.Struct("<4s6H3L5H2L")
_HEADER_MARK = b"PK\x01\x02"
_LOCAL_SIZE = 30
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED_FLAGS, _UTF8_FLAG = 0x2041, 0x800
_AES_METHOD = 99
_ZIP64_FIELD, _UNICODE_PATH_FIELD = 0x0001, 0x7075
_CHUNK_BYTES = 1 << 20


class ZipPlace(NamedTuple):
    """Where the list of files lies. `shift`: bytes before the archive itself, as in a program that unpacks itself."""

    start: int
    end: int
    shift: int
    files: int


class Header(NamedTuple):
    """One file of the list; `name` may hold surrogates for bytes that are no UTF-8."""

    name: str
    flags: int
    method: int
    crc: int
    stored_bytes: int
    size_bytes: int
    offset: int
    mode: int

    @property
    def is_folder(self) -> bool:
        """Folders have entries of their own, without content."""
        return not self.size_bytes and (self.name.endswith(("/", "\\")) or stat.S_ISDIR(self.mode))

    @property
    def problem(self) -> str | None:
        """What is wrong with it, apart from its name and size."""
        kind = stat.S_IFMT(self.mode)
        if kind == stat.S_IFLNK:
            return "archive_link"
        if kind not in (0, stat.S_IFREG) or self.name.endswith(("/", "\\")):
            return "not_a_regular_file"
        if self.flags & _ENCRYPTED_FLAGS or self.method == _AES_METHOD:
            return "encrypted"
        return None if self.method in (STORED, DEFLATED, BZIP2, LZMA) else "unsupported_compression"


class ZipDirectory:
    """Every file of a zip archive but folders: the table of names, and where and how each is stored."""

    def __init__(self, file: ArchiveFile) -> None:
        """Raises BadInput for an archive that is damaged, split or unpacks to far too much; OSError."""
        self.members = MemberTable()
        self.offsets, self.stored_bytes = array("q"), array("q")
        self.crcs, self.methods = array("I"), array("H")
        place = find_place(file)
        self._read(file, place)
        self.members.seal()
        self._check_apart(file, place)

    def _read(self, file: ArchiveFile, place: ZipPlace) -> None:
        listed = unpacked_bytes = 0
        most_bytes = most_unpacked_bytes(file.size_bytes)
        for header in _headers(file, place):
            listed += 1
            unpacked_bytes += header.size_bytes
            if unpacked_bytes > most_bytes:
                raise too_much(str(file.path), file.size_bytes, unpacked_bytes)
            if header.offset + _LOCAL_SIZE + header.stored_bytes > place.start:
                raise _damaged(file, f"file {listed} of its list should lie where the archive has no files")
            if not header.is_folder:
                self._add(header)
        # Old tools count more than 65535 files modulo 65536.
        if (listed - place.files) & _MAX_16:
            raise _damaged(file, f"its list has {listed} files where its end says {place.files}")

    def _add(self, header: Header) -> None:
        self.members.add(header.name, header.size_bytes, header.problem)
        self.offsets.append(header.offset)
        self.stored_bytes.append(header.stored_bytes)
        self.crcs.append(header.crc)
        self.methods.append(header.method)

    def _check_apart(self, file: ArchiveFile, place: ZipPlace) -> None:
        """Files that share bytes are how a small archive unpacks to a huge one (Fifield, WOOT 2019)."""
        offsets = np.array(self.offsets, np.int64)
        order = np.argsort(offsets, kind="stable")
        ends = (offsets + _LOCAL_SIZE + np.array(self.stored_bytes, np.int64))[order]
        if np.any(ends[:-1] > offsets[order][1:]):
            raise BadInput(
                f"{file.path}: files in it overlap, which no honest archive does; "
                "unpack it yourself if you trust it, and give the folder"
            )


def find_place(file: ArchiveFile) -> ZipPlace:
    """Where the list of files lies, from the record at the archive's end. Raises BadInput."""
    tail_start = max(0, file.size_bytes - _END.size - _MAX_16)
    tail = file.read_at(tail_start, file.size_bytes - tail_start)
    found = _end_record(tail)
    if found is None:
        raise _damaged(file, "the list of its files, which ends every zip archive, is missing, so that it was cut off")
    end = tail_start + found
    _, disk, first_disk, _, files, size, offset, _ = _END.unpack_from(tail, found)
    locator = file.read_at(end - _LOCATOR.size, _LOCATOR.size) if end >= _LOCATOR.size else b""
    if locator.startswith(_LOCATOR_MARK):
        end, disk, first_disk, files, size, offset = _end_64(file, end, locator)
    if disk or first_disk:
        raise BadInput(f"{file.path}: one part of a split zip archive; join the parts (`zip -s 0`) and give the result")
    start = end - size
    if start < offset:
        raise _damaged(file, "its end says that the list of files lies elsewhere")
    return ZipPlace(start, end, start - offset, files)


def _end_record(tail: bytes) -> int | None:
    """Where the end record is: the last whose comment ends with the file, or else before more that was appended.

    A comment may look like an end record itself.
    """
    places = [found.start() for found in re.finditer(re.escape(_END_MARK), tail)]
    ends = {place: place + _END.size + int.from_bytes(tail[place + 20 : place + 22], "little") for place in places}
    fitting = [place for place, end in ends.items() if place + _END.size <= end <= len(tail)]
    return max(fitting, key=lambda place: (ends[place] == len(tail), place), default=None)


def _end_64(file: ArchiveFile, end: int, locator: bytes) -> tuple[int, int, int, int, int, int]:
    """Place of the 64-bit end record, and what it says: disk, first disk, files, bytes and offset of the list."""
    for place in (_LOCATOR.unpack(locator)[2], end - _LOCATOR.size - _END_64.size):
        if 0 <= place <= end - _LOCATOR.size - _END_64.size:
            record = file.read_at(place, _END_64.size)
            if record.startswith(_END_64_MARK):
                _, _, _, _, disk, first_disk, _, files, size, offset = _END_64.unpack(record)
                return place, disk, first_disk, files, size, offset
    raise _damaged(file, "the end of its list of files is missing")


def _headers(file: ArchiveFile, place: ZipPlace) -> Iterator[Header]:
    """Every header of the list."""
    buffer, position, next_read = b"", 0, place.start
    while next_read < place.end or position < len(buffer):
        if len(buffer) - position < _HEADER.size + 3 * _MAX_16 and next_read < place.end:
            more = file.read_at(next_read, min(_CHUNK_BYTES, place.end - next_read))
            buffer, position, next_read = buffer[position:] + more, 0, next_read + len(more)
        try:
            header, position = _header(buffer, position, place.shift)
        except (struct.error, ValueError) as error:
            raise _damaged(
                file, f"its list of files ends early, at byte {next_read - len(buffer) + position}"
            ) from error
        yield header


def _header(buffer: bytes, position: int, shift: int) -> tuple[Header, int]:
    """The header at a position, and where the next one is. Raises struct.error or ValueError where there is none."""
    fields = _HEADER.unpack_from(buffer, position)
    mark, made_by, _, flags, method, _, _, crc, stored, size, name_size, extra_size, comment_size = fields[:13]
    _, _, attributes, offset = fields[13:]
    name_start = position + _HEADER.size
    extra_start = name_start + name_size
    end = extra_start + extra_size + comment_size
    if mark != _HEADER_MARK or end > len(buffer):
        raise ValueError("no header")
    raw_name = buffer[name_start:extra_start]
    name = None
    if extra_size:
        extra = dict(_extra_fields(buffer[extra_start : extra_start + extra_size]))
        stored, size, offset = _with_64_bits(stored, size, offset, extra.get(_ZIP64_FIELD, b""))
        name = _unicode_path(raw_name, extra.get(_UNICODE_PATH_FIELD, b""))
    # Only systems that have Unix's modes write them above the attributes of DOS.
    mode = attributes >> 16 if made_by >> 8 else 0
    name = name or _decoded(raw_name, flags)
    return Header(name, flags, method, crc, stored, size, offset + shift, mode), end


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each; what does not fit is left, as all tools do."""
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, position)
        yield kind, extra[position + 4 : position + 4 + size]
        position += 4 + size


def _with_64_bits(stored: int, size: int, offset: int, field: bytes) -> tuple[int, int, int]:
    """Each of the three that is full is in the field, in the order: size, stored bytes, offset."""
    if _MAX_32 not in (stored, size, offset):
        return stored, size, offset
    values = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
    size = next(values, size) if size == _MAX_32 else size
    stored = next(values, stored) if stored == _MAX_32 else stored
    offset = next(values, offset) if offset == _MAX_32 else offset
    return stored, size, offset


def _unicode_path(raw_name: bytes, field: bytes) -> str | None:
    """The UTF-8 name that Info-ZIP adds to one in another encoding, if it belongs to it."""
    if len(field) <= 5 or field[0] != 1 or int.from_bytes(field[1:5], "little") != zlib.crc32(raw_name):
        return None
    return field[5:].decode("utf-8", "surrogateescape")


def _decoded(raw_name: bytes, flags: int) -> str:
    """UTF-8 where the flag says so, and where it fits, since macOS sets no flag; else the code page of DOS."""
    try:
        return raw_name.decode("utf-8")
    except UnicodeDecodeError:
        return raw_name.decode("utf-8", "surrogateescape") if flags & _UTF8_FLAG else raw_name.decode("cp437")


def _damaged(file: ArchiveFile, what: str) -> BadInput:
    return BadInput(f"{file.path}: damaged zip archive ({what}); copy or download it again")
