"""Image formats by their first bytes, without any decoder."""

import re

SUPPORTED = ("jpeg", "png", "gif", "bmp", "webp", "tiff", "jp2", "avif", "pnm", "ico")

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\x00\x00\x01\x00", "ico"),
    (b"\x00\x00\x02\x00", "ico"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
    (b"8BPS", "psd"),
    (b"DDS ", "dds"),
    (b"v/1\x01", "exr"),
    (b"#?RADIANCE", "hdr"),
    (b"qoif", "qoi"),
    (b"<svg", "svg"),
    (b"II\xbc", "jpeg-xr"),
)

_MAGIC_BY_FIRST_BYTE = {
    first: tuple(entry for entry in _MAGIC if entry[0][:1] == first) for first in {magic[:1] for magic, _ in _MAGIC}
}
_PORTABLE_ANYMAP = re.compile(rb"P[1-6]\s+(#|[0-9])|P[1-6]#")

_BRANDS: dict[bytes, str] = {
    b"avif": "avif",
    b"avis": "avif",
    b"heic": "heic",
    b"heix": "heic",
    b"hevc": "heic",
    b"mif1": "heic",
    b"msf1": "heic",
}


def sniff_format(head: bytes) -> str | None:
    """Format named by the first 32 bytes or more of a file, e.g. `jpeg`, `png`; None for anything unknown."""
    head = bytes(head[:32])
    for magic, name in _MAGIC_BY_FIRST_BYTE.get(head[:1], ()):
        if head.startswith(magic):
            return name if name not in ("bmp", "ico") or _has_plausible_header(head, name) else None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12])
    return "pnm" if _PORTABLE_ANYMAP.match(head) else None


def _has_plausible_header(head: bytes, name: str) -> bool:
    """Whether two or four magic bytes that text or other data may begin with are followed by a fitting header."""
    if name == "bmp":
        return len(head) >= 18 and 12 <= int.from_bytes(head[14:18], "little") <= 255
    # An icon folder: some images, and the first entry's reserved byte is zero.
    return len(head) >= 22 and head[4:6] != b"\x00\x00" and head[9] == 0
