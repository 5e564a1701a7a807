"""Every finding that an image can have: its code, and what it means. Codes are stable; sentences are not."""

from datasets.sources.base import PROBLEMS

FINDINGS = {code: problem.sentence for code, problem in PROBLEMS.items()} | {  # from the listing, then:
    "unreadable_file": "a file that cannot be read",
    # From reading and decoding.
    "vanished": "a file that was listed, but is gone",
    "changed_while_read": "a file whose content changed during the run",
    "empty_file": "a file without bytes",
    "not_an_image": "a file that begins like no image format",
    "unsupported": "an image of a kind that is not read",
    "too_large": "more pixels, bytes or a longer side than the limits allow",
    "truncated": "an image that ends too early",
    "damaged": "an image with damage in it",
    "decoder_died": "a file on which the decoder crashed or hung",
    "alpha_composited": "transparent pixels were laid over the background colour",
    "bit_depth": "more than 8 bits a sample were scaled to 8",
    "colour_space": "CMYK, or a colour profile, was converted to sRGB",
    "exif_orientation": "the image was turned upright",
    "not_a_number": "float pixels without a number were made black",
    "animated": "only the first of several frames is used",
    "colour_profile_ignored": "the colour profile cannot be used",
    "metadata_damaged": "damage beside the pixels",
    "narrow_range": "a 16-bit image that is nearly all black",
    "palette": "palette colours were written out",
    "trailing_bytes": "bytes behind the end of the image",
    "wrong_extension": "a file name that says another format",
    # From curation.
    "excluded": "an image that is listed for exclusion, or a copy of one",
    "licence_missing": "no licence, though one is required",
    "label_missing": "no label among labelled images",
    "too_small": "a side under the limit",
    "odd_aspect": "far longer than wide, or wider than long",
    "flat": "one colour all over",
    "flat_black": "all black",
    "flat_white": "all white",
    "too_blurry": "sharpness under the limit",
    "duplicate_exact": "the same bytes or pixels as another image",
    "duplicate_near": "nearly the same picture as another image",
    "label_conflict": "one picture under several labels",
    "class_too_small": "a class with too few images",
    # From splitting.
    "bridges_splits": "a copy of it, or an image of its group, belongs to another split",
}
