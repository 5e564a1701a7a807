"""Every format that is read, under a wrong ending, through ingest and scan: known by its content, decoded right."""

import io
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from PIL import Image, features

from datasets.image_codec import decode_image
from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, read_table
from datasets.pixel_packs import PackReader
from datasets.sources import source_settings
from tasks.imaging.operations.resize import ResizeSettings
from tasks.scan import ScanSettings
from tests.tasks import image_files
from tests.tasks.conftest import Workbench

HEIGHT_PX, WIDTH_PX = 16, 24
SHAPE = (HEIGHT_PX, WIDTH_PX)


def random_values(bits, *more, seed=0):
    """Whole numbers of all values that so many bits hold, [H, W, ...]."""
    return np.random.default_rng([seed, bits]).integers(0, 1 << bits, (*SHAPE, *more))


def smooth_photo():
    """Colours uint8 [H, W, 3] that lossy formats keep well, different in all corners."""
    y, x = np.mgrid[0:1:16j, 0:1:24j]
    return np.stack([255 * x, 255 * y, 128 + 100 * np.sin(4 * x)], axis=-1).round().astype(np.uint8)


PHOTO = smooth_photo()
GREY = PHOTO[:, :, 0]
DEEP = random_values(16).astype(np.uint16)
COLOURS = random_values(8, 3, seed=1).astype(np.uint8)
PALETTE = np.random.default_rng(2).integers(0, 256, (256, 3), dtype=np.uint8)
BILEVEL = random_values(1).astype(np.uint8)
ALPHA = random_values(8, seed=3).astype(np.uint8)


@dataclass(frozen=True)
class Sample:
    """A file, what it shows as uint8 [H, W, 3], and how far a decoded level may be from that on average."""

    payload: bytes
    shown: np.ndarray
    format: str
    tolerance: float = 0.0


def saved(image, name, **options):
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, name, **options)
    return stream.getvalue()


def grey(levels):
    return np.repeat(np.asarray(levels)[:, :, np.newaxis], 3, axis=2)


def over_white(colours, alpha):
    return 255 - (255 - colours.astype(float)) * (alpha[:, :, np.newaxis] / 255)


def stretched(values, bits):
    """Levels of so many bits as levels of 0..255."""
    return values * (255 / ((1 << bits) - 1))


def frames(name, **options):
    others = [Image.fromarray(255 - PHOTO), Image.fromarray(PHOTO[::-1])]
    return saved(PHOTO, name, save_all=True, append_images=others, **options)


def with_palette():
    image = Image.fromarray(random_values(8).astype(np.uint8), "L")
    image.putpalette(PALETTE.ravel())
    return image


def jpegs():
    best = {"quality": 98, "subsampling": 0}
    yield "baseline", Sample(saved(PHOTO, "JPEG", **best), PHOTO, "jpeg", 1.5)
    yield "halved colours", Sample(saved(PHOTO, "JPEG", quality=95, subsampling=2), PHOTO, "jpeg", 4)
    yield "progressive", Sample(saved(PHOTO, "JPEG", progressive=True, **best), PHOTO, "jpeg", 1.5)
    yield "grey", Sample(saved(GREY, "JPEG", quality=98), grey(GREY), "jpeg", 1.5)
    yield "CMYK", Sample(saved(Image.fromarray(PHOTO).convert("CMYK"), "JPEG", quality=98), PHOTO, "jpeg", 2)
    yield "several pictures", Sample(frames("MPO", **best), PHOTO, "jpeg", 1.5)


def pngs():
    for interlaced in (False, True):
        how = " interlaced" if interlaced else ""
        for bits in (1, 2, 4, 8, 16):
            values = random_values(bits)
            payload = image_files.png(values, bits, image_files.GREY, interlaced)
            yield f"grey {bits} bit{how}", Sample(payload, grey(stretched(values, bits)), "png", 0.5)
        for bits in (1, 2, 4, 8):
            values, palette = random_values(bits), PALETTE[: 1 << bits]
            payload = image_files.png(values, bits, image_files.PALETTE, interlaced, palette)
            yield f"palette {bits} bit{how}", Sample(payload, palette[values], "png")
        for bits in (8, 16):
            values = random_values(bits, 4)
            levels = stretched(values, bits)
            colours, alpha = levels[:, :, :3], levels[:, :, 3]
            for name, kind, chosen, shown in (
                ("colour", image_files.COLOUR, values[:, :, :3], colours),
                ("colour and alpha", image_files.COLOUR_ALPHA, values, over_white(colours, alpha)),
                ("grey and alpha", image_files.GREY_ALPHA, values[:, :, 2:], over_white(colours[:, :, [2] * 3], alpha)),
            ):
                payload = image_files.png(chosen, bits, kind, interlaced)
                yield f"{name} {bits} bit{how}", Sample(payload, shown, "png", 1)
    yield "animated", Sample(frames("PNG"), PHOTO, "png")


def gifs():
    image = with_palette()
    shown = np.asarray(image.convert("RGB"))
    yield "interlaced", Sample(saved(image, "GIF", interlace=1), shown, "gif")
    yield "not interlaced", Sample(saved(image, "GIF", interlace=0), shown, "gif")
    seen = np.where((np.asarray(image) == 7)[:, :, np.newaxis], 255, shown)
    yield "transparent", Sample(saved(image, "GIF", transparency=7), seen, "gif")
    others = [with_palette().transpose(Image.Transpose.ROTATE_180)]
    yield "animated", Sample(saved(image, "GIF", save_all=True, append_images=others), shown, "gif")


def bmps():
    for bits in (1, 4, 8):
        values, palette = random_values(bits), PALETTE[: 1 << bits]
        rows = [image_files.packed_row(row, bits) for row in values]
        yield f"{bits} bit", Sample(image_files.bmp(rows, WIDTH_PX, bits, palette), palette[values], "bmp")
    values = random_values(5, 3)
    words = values[:, :, 0] << 10 | values[:, :, 1] << 5 | values[:, :, 2]
    rows = [row.astype("<u2").tobytes() for row in words]
    yield "16 bit", Sample(image_files.bmp(rows, WIDTH_PX, 16), stretched(values, 5), "bmp", 1)
    rows = [row[:, ::-1].tobytes() for row in COLOURS]
    yield "24 bit", Sample(image_files.bmp(rows, WIDTH_PX, 24), COLOURS, "bmp")
    yield "top down", Sample(image_files.bmp(rows, WIDTH_PX, 24, top_down=True), COLOURS, "bmp")
    rows = [np.pad(row[:, ::-1], ((0, 0), (0, 1))).tobytes() for row in COLOURS]
    yield "32 bit", Sample(image_files.bmp(rows, WIDTH_PX, 32), COLOURS, "bmp")
    values = random_values(8)
    yield "runs", Sample(image_files.bmp_of_runs(values, PALETTE), PALETTE[values], "bmp")


def tiffs():
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield compression, Sample(saved(COLOURS, "TIFF", compression=compression), COLOURS, "tiff")
    yield "JPEG inside", Sample(saved(PHOTO, "TIFF", compression="jpeg", quality=98), PHOTO, "tiff", 3)
    bilevel = Image.fromarray(BILEVEL.astype(bool))
    for compression in ("raw", "group3", "group4"):
        yield (
            f"1 bit {compression}",
            Sample(saved(bilevel, "TIFF", compression=compression), grey(BILEVEL * 255), "tiff"),
        )
    yield "grey 8 bit", Sample(saved(GREY, "TIFF"), grey(GREY), "tiff")
    yield "grey 16 bit", Sample(saved(DEEP, "TIFF", compression="tiff_lzw"), grey(stretched(DEEP, 16)), "tiff", 0.5)
    big_endian = saved(Image.fromarray(DEEP.astype(">u2")), "TIFF")
    yield "grey 16 bit big-endian", Sample(big_endian, grey(stretched(DEEP, 16)), "tiff", 0.5)
    deep_colours = random_values(16, 3).astype(np.uint16)
    payload = cv2.imencode(".tiff", deep_colours[:, :, ::-1])[1].tobytes()
    yield "colour 16 bit", Sample(payload, stretched(deep_colours, 16), "tiff", 1)
    floats = (DEEP / 65535).astype(np.float32)
    yield "float", Sample(saved(floats, "TIFF"), grey(floats * 255), "tiff", 0.5)
    yield (
        "float deflate",
        Sample(saved(floats, "TIFF", compression="tiff_adobe_deflate"), grey(floats * 255), "tiff", 0.5),
    )
    yield "32 bit", Sample(saved(DEEP.astype(np.int32), "TIFF"), grey(stretched(DEEP, 16)), "tiff", 0.5)
    yield "palette", Sample(saved(with_palette(), "TIFF"), PALETTE[random_values(8)], "tiff")
    rgba = np.dstack([COLOURS, ALPHA])
    yield "alpha", Sample(saved(rgba, "TIFF"), over_white(COLOURS, ALPHA), "tiff", 0.5)
    yield "CMYK", Sample(saved(Image.fromarray(PHOTO).convert("CMYK"), "TIFF"), PHOTO, "tiff", 1)
    yield "several pages", Sample(frames("TIFF"), PHOTO, "tiff")
    yield "64-bit offsets", Sample(saved(PHOTO, "TIFF", big_tiff=True), PHOTO, "tiff")


def webps():
    yield "lossy", Sample(saved(PHOTO, "WEBP", quality=95), PHOTO, "webp", 5)
    yield "lossless", Sample(saved(COLOURS, "WEBP", lossless=True), COLOURS, "webp")
    payload = saved(np.dstack([COLOURS, ALPHA]), "WEBP", lossless=True, exact=True)
    yield "alpha", Sample(payload, over_white(COLOURS, ALPHA), "webp", 0.5)
    yield "animated", Sample(frames("WEBP", lossless=True), PHOTO, "webp")


def pnms():
    black_is_1 = grey(255 - BILEVEL * 255)
    yield "P1", Sample(image_files.pnm("P1", BILEVEL, None), black_is_1, "pnm")
    yield "P4", Sample(image_files.pnm("P4", BILEVEL, None), black_is_1, "pnm")
    for magic in ("P2", "P5"):
        yield magic, Sample(image_files.pnm(magic, random_values(8), 255), grey(random_values(8)), "pnm")
        yield f"{magic} 16 bit", Sample(image_files.pnm(magic, DEEP, 65535), grey(stretched(DEEP, 16)), "pnm", 0.5)
    for magic in ("P3", "P6"):
        yield magic, Sample(image_files.pnm(magic, COLOURS, 255), COLOURS, "pnm")
        deep = random_values(16, 3)
        yield f"{magic} 16 bit", Sample(image_files.pnm(magic, deep, 65535), stretched(deep, 16), "pnm", 1)
    few = random_values(8) % 101
    yield "P5 up to 100", Sample(image_files.pnm("P5", few, 100), grey(few * 2.55), "pnm", 1)


def jpeg_2000s():
    yield "lossless", Sample(saved(COLOURS, "JPEG2000"), COLOURS, "jp2")
    yield "stream alone", Sample(saved(COLOURS, "JPEG2000", no_jp2=True), COLOURS, "jp2")
    yield "grey", Sample(saved(GREY, "JPEG2000"), grey(GREY), "jp2")
    yield "grey 16 bit", Sample(saved(DEEP, "JPEG2000"), grey(stretched(DEEP, 16)), "jp2", 0.5)
    lossy = {"irreversible": True, "quality_mode": "dB", "quality_layers": [45]}
    yield "lossy", Sample(saved(PHOTO, "JPEG2000", **lossy), PHOTO, "jp2", 3)
    yield "alpha", Sample(saved(np.dstack([COLOURS, ALPHA]), "JPEG2000"), over_white(COLOURS, ALPHA), "jp2", 0.5)


def avifs():
    best = {"quality": 98, "subsampling": "4:4:4"}
    yield "colour", Sample(saved(PHOTO, "AVIF", **best), PHOTO, "avif", 3)
    yield "grey", Sample(saved(Image.fromarray(GREY), "AVIF", quality=98), grey(GREY), "avif", 3)
    half = np.where(np.arange(WIDTH_PX) < 12, 0, 255).astype(np.uint8) * np.ones((HEIGHT_PX, 1), np.uint8)
    yield "alpha", Sample(saved(np.dstack([PHOTO, half]), "AVIF", **best), over_white(PHOTO, half), "avif", 4)
    yield "animated", Sample(frames("AVIF", **best), PHOTO, "avif", 3)


def icons():
    rgba = Image.fromarray(np.dstack([COLOURS, np.full(SHAPE, 255, np.uint8)]))
    for inside in ("png", "bmp"):
        payload = saved(rgba, "ICO", sizes=[(WIDTH_PX, HEIGHT_PX)], bitmap_format=inside)
        yield f"{inside} inside", Sample(payload, COLOURS, "ico")


MAKERS = {
    "JPEG": jpegs,
    "PNG": pngs,
    "GIF": gifs,
    "BMP": bmps,
    "TIFF": tiffs,
    "WebP": webps,
    "PNM": pnms,
    "JPEG 2000": jpeg_2000s,
    "AVIF": avifs if features.check("avif") else dict,
    "ICO": icons,
}
SAMPLES = {f"{name} {kind}": sample for name, maker in MAKERS.items() for kind, sample in maker()}

NOT_READ = {
    "HEIC": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "unsupported"),
    "JPEG XL": (b"\xff\x0a" + bytes(30), "unsupported"),
    "JPEG XL in boxes": (b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(30), "unsupported"),
    "PSD": (b"8BPS\x00\x01" + bytes(30), "unsupported"),
    "DDS": (saved(COLOURS, "DDS"), "unsupported"),
    "OpenEXR": (b"v/1\x01\x02\x00\x00\x00" + bytes(30), "unsupported"),
    "Radiance": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n" + bytes(4), "unsupported"),
    "QOI": (saved(COLOURS, "QOI"), "unsupported"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>', "unsupported"),
    "JPEG XR": (b"II\xbc\x01" + bytes(30), "unsupported"),
    "portable float map": (b"Pf\n1 1\n-1.0\n" + bytes(4), "not_an_image"),
    "portable arbitrary map": (
        b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n\x00",
        "not_an_image",
    ),
    "Targa": (saved(COLOURS, "TGA"), "not_an_image"),
    "PCX": (saved(COLOURS, "PCX"), "not_an_image"),
    "PDF": (saved(COLOURS, "PDF"), "not_an_image"),
    "XML before SVG": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "not_an_image"),
    "MP4": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", "not_an_image"),
}


RIGHT_ENDINGS = {
    "JPEG baseline": ("jpg", "jpeg", "JPG", "jpe", "jfif"),
    "PNG animated": ("png", "apng"),
    "GIF animated": ("gif",),
    "BMP 24 bit": ("bmp", "dib"),
    "TIFF raw": ("tif", "tiff", "TIF"),
    "WebP lossy": ("webp",),
    "PNM P1": ("pbm", "pnm"),
    "PNM P5": ("pgm",),
    "PNM P6": ("ppm",),
    "JPEG 2000 lossless": ("jp2", "jpx"),
    "JPEG 2000 stream alone": ("j2k", "j2c", "jpc"),
    "ICO png inside": ("ico",),
}


def member_of(name, format_name):
    return f"a/{name}.{'png' if format_name == 'jpeg' else 'jpg'}"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Row, findings and prepared pixels by member, of all files in one folder."""
    base = tmp_path_factory.mktemp("formats")
    folder = base / "photos" / "a"
    folder.mkdir(parents=True)
    for name, sample in SAMPLES.items():
        (base / "photos" / member_of(name, sample.format)).write_bytes(sample.payload)
    for name, endings in RIGHT_ENDINGS.items():
        for ending in endings:
            (folder / f"right {name}.{ending}").write_bytes(SAMPLES[name].payload)
    for name, (payload, _) in NOT_READ.items():
        (base / "photos" / member_of(name, "")).write_bytes(payload)
    workbench = Workbench(base)
    shape = ResizeSettings(width_px=WIDTH_PX, height_px=HEIGHT_PX)
    settings = ScanSettings(channels=3, resize=shape, exact=True)
    source = source_settings(kind="folder_per_class", path=base / "photos")
    workbench.prepare(base, until="scan", source=source, scan=settings)
    rows = read_table(workbench.outputs["scan"] / MANIFEST_FILE).to_pylist()
    found = read_table(workbench.outputs["scan"] / FINDINGS_FILE).to_pylist()
    with PackReader(workbench.shared) as packs:
        pixels = {
            row["member"]: decode_image(packs.read(row["pack"], row["offset"], row["length"]))
            for row in rows
            if row["pack"]
        }
    return {row["member"]: row for row in rows}, found, pixels


@pytest.mark.parametrize("name", SAMPLES)
def test_a_format_under_a_wrong_ending_is_decoded_right(scanned, name):
    rows, _, pixels = scanned
    sample = SAMPLES[name]
    member = member_of(name, sample.format)
    row = rows[member]
    assert row["status"] in ("kept", "repaired"), row["detail"]
    assert (row["format"], row["width_px"], row["height_px"]) == (sample.format, WIDTH_PX, HEIGHT_PX)
    difference = np.abs(pixels[member].astype(float) - sample.shown)
    assert difference.mean() <= sample.tolerance
    assert difference.max() <= 10 * sample.tolerance


@pytest.mark.parametrize("name", SAMPLES)
def test_a_wrong_ending_is_noted(scanned, name):
    _, findings, _ = scanned
    sample = SAMPLES[name]
    member = member_of(name, sample.format)
    ending = member.rpartition(".")[2]
    notes = [row["detail"] for row in findings if row["member"] == member and row["finding"] == "wrong_extension"]
    assert notes == [f"the file is called .{ending}, but holds {sample.format}"]


@pytest.mark.parametrize("name", RIGHT_ENDINGS)
def test_a_right_ending_is_not_noted(scanned, name):
    rows, findings, _ = scanned
    members = {f"a/right {name}.{ending}" for ending in RIGHT_ENDINGS[name]}
    assert {rows[member]["format"] for member in members} == {SAMPLES[name].format}
    noted = [row["detail"] for row in findings if row["member"] in members and row["finding"] == "wrong_extension"]
    assert noted == []


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_not_read_is_rejected_and_says_so(scanned, name):
    rows, _, _ = scanned
    row = rows[member_of(name, "")]
    assert (row["status"], row["reason"]) == ("rejected", NOT_READ[name][1])
    read = "decoded are jpeg, png, gif, bmp, webp, tiff, jp2, avif, pnm, ico"
    begins = (
        "begins like no known image format" if row["reason"] == "not_an_image" else f"{row['format']} is not decoded"
    )
    assert row["detail"] == f"{begins}; {read}"
