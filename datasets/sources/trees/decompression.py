"""Decompressors of one shape, so that untrusted data is unpacked piece by piece and never beyond what is asked for."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

CHUNK_BYTES = 1 << 20
READ_BYTES = 1 << 16
"""Small, since what follows a stream is copied once for each, and there may be thousands of tiny ones."""
RAW_DEFLATE, GZIP = -zlib.MAX_WBITS, zlib.MAX_WBITS | 16
XZ_MEMORY_BYTES = 1 << 29
LZMA_PROPERTIES_BYTES = 5
_LEAST_DICTIONARY_BYTES = 1 << 12


class DamagedData(Exception):
    """What is compressed is damaged; says how."""


class Decompressor(Protocol):
    """As those of bz2 and lzma."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Inflater:
    """zlib's decompressor in that shape."""

    def __init__(self, window_bits: int) -> None:
        self._stream = zlib.decompressobj(window_bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most so many bytes. Raises zlib.error."""
        piece = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        self.needs_input = not self._stream.unconsumed_tail and len(piece) < max_length
        return piece


def gzip_decompressor() -> Decompressor:
    return Inflater(GZIP)


def bzip2_decompressor() -> Decompressor:
    return bz2.BZ2Decompressor()


def xz_decompressor() -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)


def lzma_decompressor(properties: bytes, size_bytes: int) -> Decompressor:
    """For LZMA as zip archives hold it. Raises DamagedData for what is none.

    The properties may ask for a dictionary of 4 GiB; no more of it can be used than what is unpacked.
    """
    if properties[0] >= 9 * 5 * 5:
        raise DamagedData("no LZMA properties")
    code, literal_context = divmod(properties[0], 9)
    position, literal_position = divmod(code, 5)
    dictionary_bytes = min(int.from_bytes(properties[1:], "little"), size_bytes)
    settings = {
        "id": lzma.FILTER_LZMA1,
        "lc": literal_context,
        "lp": literal_position,
        "pb": position,
        "dict_size": max(dictionary_bytes, _LEAST_DICTIONARY_BYTES),
    }
    try:
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[settings])
    except lzma.LZMAError as error:
        raise DamagedData(str(error)) from error


def pieces(decompressor: Decompressor, read: Callable[[], bytes], size_bytes: int) -> Iterator[bytes]:
    """At most so many bytes of one compressed stream; fewer where it ends before. Raises DamagedData for damage.

    `read()` gives the next compressed bytes, none at their end; its errors are passed on.
    """
    while size_bytes and not decompressor.eof:
        chunk = read() if decompressor.needs_input else b""
        if not chunk and decompressor.needs_input:
            return
        piece = decompressed(decompressor, chunk, size_bytes)
        size_bytes -= len(piece)
        yield piece


def streams(make: Callable[[], Decompressor], read: Callable[[], bytes]) -> Iterator[bytes]:
    """All bytes of one or more compressed streams, one after the other, as gzip, bzip2 and xz allow.

    Raises DamagedData where they are damaged, or end in the middle; errors of `read` are passed on.
    """
    chunk = _next_stream(b"", read)
    while chunk:
        decompressor = make()
        while not decompressor.eof:
            yield decompressed(decompressor, chunk, CHUNK_BYTES)
            chunk = read() if decompressor.needs_input and not decompressor.eof else b""
            if not chunk and decompressor.needs_input and not decompressor.eof:
                raise DamagedData("it ends in the middle of its data")
        chunk = _next_stream(decompressor.unused_data, read)


def _next_stream(rest: bytes, read: Callable[[], bytes]) -> bytes:
    """The beginning of the next stream, none at the end. Zeros fill up the last block of a tape or of an xz file."""
    chunk = rest.lstrip(b"\0")
    while not chunk:
        rest = read()
        if not rest:
            break
        chunk = rest.lstrip(b"\0")
    return chunk


def decompressed(decompressor: Decompressor, chunk: bytes, max_bytes: int) -> bytes:
    """The next piece. Raises DamagedData for damage, whichever library finds it."""
    try:
        return decompressor.decompress(chunk, max_bytes)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DamagedData(str(error)) from error
