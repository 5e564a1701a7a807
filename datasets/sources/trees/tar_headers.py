"""The headers of an uncompressed tar archive, one after the other, without reading what lies between them.

The format is that of POSIX (ustar and pax) with GNU's long names and sparse files. The standard library's reader is not
used: it takes damage in the middle for the end, and reads names of any length into memory.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from datasets.errors import BadInput
from datasets.sources.trees.archive_file import ArchiveFile

BLOCK_BYTES = 512
MAX_NAME_BYTES = 1 << 16
MAX_ATTRIBUTES_BYTES = 1 << 24
AFTER_END_BYTES = 1 << 20
"""Tools fill the last record with zeros, mostly up to 10 KiB; so much behind the end is looked at."""

_ZEROS = bytes(BLOCK_BYTES)
_OLD_GNU_MAGIC = b"ustar  "
_REGULAR, _LINKS, _FOLDERS = b"\x0007", b"12", b"5D"
_LONG_NAME, _ATTRIBUTES = b"L", b"xX"
_BEFORE_A_FILE = b"gKLxX"
_NAME, _SPARSE_NAME, _SIZE, _IS_SPARSE = b"path", b"GNU.sparse.name", b"size", b"GNU.sparse"
_SPARSE, _SPARSE_GOES_ON, _SPARSE_BLOCK_GOES_ON = b"S", 482, 504
_WITHOUT_CONTENT = _LINKS + b"3456"


class TarHeader(NamedTuple):
    """One file: its name, where bytes that are no UTF-8 stand as surrogates, and where its content lies."""

    name: str
    offset: int
    size_bytes: int
    mtime_s: int
    problem: str | None


class _Block(NamedTuple):
    """The fixed fields of a header."""

    kind: bytes
    name: bytes
    size_bytes: int
    mtime_s: int
    sparse_goes_on: bool


def tar_headers(file: ArchiveFile) -> Iterator[TarHeader]:
    """Every file but folders, in the archive's order. Raises BadInput where it is damaged or cut off; OSError."""
    place = 0
    attributes: dict[bytes, bytes] = {}
    while (block := _block_at(file, place)) is not None:
        content = place + BLOCK_BYTES
        if block.kind in _ATTRIBUTES:
            attributes |= _attributes(file, content, block)
        elif block.kind == _LONG_NAME:
            attributes[_NAME] = _long_name(file, content, block)
        elif block.kind not in _BEFORE_A_FILE:
            content = _after_sparse_map(file, content) if block.sparse_goes_on else content
            if attributes or block.kind in _WITHOUT_CONTENT:
                block = _with_attributes(file, place, block, attributes)
        place = _after(file, content, block)
        if block.kind in _BEFORE_A_FILE:
            continue
        if not _is_folder(block):
            yield TarHeader(_text(block.name), content, block.size_bytes, block.mtime_s, _problem(block, attributes))
        attributes = {}
    if attributes:
        raise _damaged(file, place, "it ends between the two headers of a file")
    _check_end(file, place)


def is_tar_header(block: bytes) -> bool:
    """Whether 512 bytes begin a tar archive; zeros are an empty one."""
    return len(block) == BLOCK_BYTES and (block == _ZEROS or _checksum_fits(block))


def _block_at(file: ArchiveFile, place: int) -> _Block | None:
    """None at the end mark, which is a block of zeros."""
    raw = file.read_up_to(place, BLOCK_BYTES)
    if len(raw) < BLOCK_BYTES:
        raise _damaged(file, place, "it ends there without an end mark, so that it was cut off")
    if raw == _ZEROS:
        return None
    try:
        block = _parsed(raw) if _checksum_fits(raw) else None
    except ValueError:
        block = None
    if block is None:
        raise _damaged(file, place, "no header of a file is there")
    return block


def _checksum_fits(raw: bytes) -> bool:
    """The sum of all bytes, those of the sum itself taken as spaces; some old tools summed signed bytes."""
    try:
        expected = _number(raw[148:156])
    except ValueError:
        return False
    total = sum(raw) - sum(raw[148:156]) + 8 * ord(" ")
    return expected == total or expected == total - 256 * sum(byte > 127 for byte in raw[:148] + raw[156:])


def _parsed(raw: bytes) -> _Block:
    """Raises ValueError for a field that is no number."""
    kind, name = raw[156:157], _until_nul(raw[:100])
    # Old GNU archives hold times where POSIX has the first part of the name.
    prefix = b"" if raw[257:264] == _OLD_GNU_MAGIC or raw[257:262] != b"ustar" else _until_nul(raw[345:500])
    sparse_goes_on = kind == _SPARSE and raw[_SPARSE_GOES_ON] != 0
    name = prefix + b"/" + name if prefix else name
    return _Block(kind, name, _number(raw[124:136]), _number(raw[136:148]), sparse_goes_on)


def _number(field: bytes) -> int:
    """Octal digits, or the bytes of the number itself behind a first bit that says so. Raises ValueError."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    if field[0] == 0xFF:
        return int.from_bytes(field, "big", signed=True)
    return int(_until_nul(field).strip() or b"0", 8)


def _until_nul(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _attributes(file: ArchiveFile, content: int, block: _Block) -> dict[bytes, bytes]:
    """Those that matter here of a pax header, which holds lines `<length> <key>=<value>`, each as long as it says."""
    raw = _short_content(file, content, block, MAX_ATTRIBUTES_BYTES)
    found: dict[bytes, bytes] = {}
    place = 0
    while place < len(raw) and raw[place] != 0:
        digits, space, _ = raw[place : place + 20].partition(b" ")
        length = int(digits) if space and digits.isdigit() else 0
        key, equals, value = raw[place + len(digits) + 1 : place + length].partition(b"=")
        if not equals or not value.endswith(b"\n") or place + length > len(raw):
            raise _damaged(file, content + place, "no attribute of a file is there")
        if key in (_NAME, _SPARSE_NAME) and length > MAX_NAME_BYTES:
            raise _damaged(file, content + place, f"a name of {length} bytes")
        if key.startswith(_IS_SPARSE):
            found[_IS_SPARSE] = b""
        if key in (_NAME, _SPARSE_NAME, _SIZE):
            found[key] = value[:-1]
        place += length
    return found


def _long_name(file: ArchiveFile, content: int, block: _Block) -> bytes:
    return _until_nul(_short_content(file, content, block, MAX_NAME_BYTES))


def _short_content(file: ArchiveFile, content: int, block: _Block, max_bytes: int) -> bytes:
    if not 0 <= block.size_bytes <= max_bytes:
        raise _damaged(file, content - BLOCK_BYTES, f"{block.size_bytes} bytes of names and attributes for one file")
    raw = file.read_up_to(content, block.size_bytes)
    if len(raw) < block.size_bytes:
        raise _damaged(file, content + len(raw), "it ends there in the middle of a header, so that it was cut off")
    return raw


def _with_attributes(file: ArchiveFile, place: int, block: _Block, attributes: Mapping[bytes, bytes]) -> _Block:
    """What its attributes say comes before what the block itself says."""
    name = attributes.get(_SPARSE_NAME) or attributes.get(_NAME) or block.name
    size = attributes.get(_SIZE)
    if size is not None and not size.isdigit():
        raise _damaged(file, place, "the size of a file is no number")
    size_bytes = int(size[:20]) if size else block.size_bytes
    return block._replace(name=name, size_bytes=0 if block.kind in _WITHOUT_CONTENT else size_bytes)


def _after_sparse_map(file: ArchiveFile, place: int) -> int:
    """The place behind the blocks that list where a sparse file has content."""
    goes_on = True
    while goes_on:
        goes_on = file.read_at(place, BLOCK_BYTES)[_SPARSE_BLOCK_GOES_ON] != 0
        place += BLOCK_BYTES
    return place


def _is_folder(block: _Block) -> bool:
    """Old archives mark folders by a slash alone."""
    return block.kind in _FOLDERS or (block.kind in _REGULAR and not block.size_bytes and block.name.endswith(b"/"))


def _problem(block: _Block, attributes: Mapping[bytes, bytes]) -> str | None:
    if block.kind in _LINKS:
        return "archive_link"
    if block.kind == _SPARSE or _IS_SPARSE in attributes:
        return "unsupported_compression"
    return None if block.kind in _REGULAR and not block.name.endswith(b"/") else "not_a_regular_file"


def _after(file: ArchiveFile, content: int, block: _Block) -> int:
    """Where the next header is. Raises BadInput where the content does not fit into the file."""
    if block.size_bytes < 0 or content + block.size_bytes > file.size_bytes:
        raise _damaged(
            file, content, f"a file of {block.size_bytes} bytes begins there, more than there are: it was cut off"
        )
    return content + -(-block.size_bytes // BLOCK_BYTES) * BLOCK_BYTES


def _check_end(file: ArchiveFile, place: int) -> None:
    """Nothing may follow the end mark: it would be lost. Raises BadInput."""
    tail = file.read_up_to(place, AFTER_END_BYTES)
    rest = tail.lstrip(b"\0")
    if rest:
        raise BadInput(
            f"{file.path}: more follows at byte {place + len(tail) - len(rest)}, behind the end mark at byte {place}, "
            "as when archives are joined by `cat`; unpack it with `tar --ignore-zeros` and give the folder"
        )


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _damaged(file: ArchiveFile, place: int, what: str) -> BadInput:
    return BadInput(f"{file.path}: damaged tar archive at byte {place} ({what}); copy or download it again")
