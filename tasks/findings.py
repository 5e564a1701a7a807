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
    "operation_failed": "an image on which a pixel operation failed, for want of memory for example",
    "alpha_composited": "transparent pixels were laid over the background colour",
    "bit_depth": "more than 8 bits a sample were scaled to 8",
    "colour_space": "CMYK, or a colour profile, was converted to sRGB",
    "exif_orientation": "the image was turned upright",
    "salvaged": "a truncated image was cut to the rows that are there",
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
    "override_drop": "the user's overrides drop it",
    "override_relabel": "the user's overrides give it another label",
    "override_keep": "the user's overrides keep it, whatever else is found",
    "override_conflict": "two of the user's overrides contradict each other; the one by name counts",
    "override_unusable": "the user's overrides say otherwise, but the image cannot be used",
    "licence_missing": "no licence, though one is required",
    "label_missing": "no label among labelled images",
    "label_unknown": "a label that is none of the expected classes",
    "unexpected": "not of the size, format or range that every image is expected to have",
    "too_small": "a side under the limit",
    "oversized": "a side over the limit",
    "odd_aspect": "far longer than wide, or wider than long",
    "flat": "one colour all over",
    "flat_black": "all black",
    "flat_white": "all white",
    "low_entropy": "hardly any information in its grey levels",
    "too_dark": "dark all over, but for a few pixels",
    "too_bright": "bright all over, but for a few pixels",
    "clipped": "too many pixels that are wholly black or white",
    "too_blurry": "sharpness under the limit",
    "duplicate_exact": "the same bytes or pixels as another image",
    "duplicate_near": "nearly the same picture as another image",
    "label_conflict": "one picture under several labels",
    "class_outlier": "far from the other images of its class in brightness, contrast, sharpness or size",
    "label_doubtful": "a simple classifier that has not seen it is sure of another class",
    "class_too_small": "a class with too few images",
    # From splitting.
    "over_class_size": "its class has enough training images without it",
    "bridges_splits": "a copy of it, or an image of its group, belongs to another split",
}

REPAIRS = {"alpha_composited", "bit_depth", "colour_space", "exif_orientation", "not_a_number", "salvaged"}
NOTES = {"animated", "colour_profile_ignored", "metadata_damaged", "narrow_range", "palette", "trailing_bytes"}
NOTES |= {"wrong_extension", "override_relabel", "override_keep", "override_conflict", "override_unusable"}
UNSELECTED = {code for code, problem in PROBLEMS.items() if problem.by_policy} | {"over_class_size", "bridges_splits"}
REJECTS = {code for code, problem in PROBLEMS.items() if not problem.by_policy} | {
    *("unreadable_file", "vanished", "changed_while_read", "empty_file", "not_an_image", "unsupported", "too_large"),
    *(
        "truncated",
        "damaged",
        "decoder_died",
        "operation_failed",
        "excluded",
        "override_drop",
        "licence_missing",
        "label_missing",
    ),
    *("label_unknown", "class_too_small"),
}


def severity_of(code: str) -> str:
    """What follows from a finding, in words; of those that are in no set above, the settings decide."""
    sets = {"repaired": REPAIRS, "note": NOTES, "unselected": UNSELECTED, "rejected": REJECTS}
    return next((name for name, codes in sets.items() if code in codes), "rejected or note, by the settings")
