"""What to do about a finding: the sentence beside its meaning. One without its own gets that of its severity."""

OF_SEVERITY = {
    "reject": "These files are not used. Mend or replace them, or leave it at that.",
    "repair": "Nothing has to be done: the prepared image is mended, the file stays as it is.",
    "note": "Nothing has to be done; look at some of them.",
}
OF_FINDING = {
    "unreadable_file": "Check permissions and the disk, then run again.",
    "broken_link": "Restore what the link points to, or remove the link.",
    "name_not_utf8": "Rename the file.",
    "vanished": "Run again while nothing else changes the folder.",
    "changed_while_read": "Run again while nothing else changes the folder.",
    "empty_file": "Copy or download it again: it was never filled.",
    "not_an_image": "Remove it from the folder, or convert it.",
    "unsupported": "Convert it to PNG or JPEG.",
    "too_large": "Make it smaller, or raise scan.limits if you trust it.",
    "truncated": "Copy or download it again: its end is missing.",
    "damaged": "Copy or download it again, or restore it from a backup: its bytes have changed.",
    "decoder_died": "Do not open it elsewhere before you know where it comes from; convert or remove it.",
    "not_a_number": "Find out what wrote them; black pixels stand in for what is missing.",
    "animated": "Extract the frames into files of their own if you want them all.",
    "colour_profile_ignored": "Look whether the colours are right; convert the file to sRGB if not.",
    "narrow_range": "Check whether the samples are stored in fewer bits than the file claims.",
    "wrong_extension": "Rename the file; other programs may go by its name.",
    "trailing_bytes": "Look what is behind the image if you do not know the source: it may be another file.",
    "excluded": "Nothing has to be done: the list of exclusions wants it so.",
    "licence_missing": "Name a licence in the source, or leave these images out.",
    "label_missing": "Put it into the folder of its class, or remove it.",
    "too_small": "Get a larger original, or lower curate.min_side_px.",
    "odd_aspect": "Crop it, or raise curate.max_aspect.",
    "flat": "Remove it: it shows nothing. Lower curate.min_std if it does.",
    "flat_black": "Remove it: it shows nothing.",
    "flat_white": "Remove it: it shows nothing.",
    "too_blurry": "Get a sharper one, or lower curate.min_sharpness.",
    "oversized": "Make it smaller, or raise curate.max_side_px.",
    "low_entropy": "Look whether it shows anything; curate.min_entropy_bits sets the limit.",
    "too_dark": "Look whether it shows anything; curate.min_bright_level sets the limit.",
    "too_bright": "Look whether it shows anything; curate.max_dark_level sets the limit.",
    "clipped": "Look whether exposure or a cut-out is the reason; curate.max_clipped_fraction sets the limit.",
    "class_outlier": "Look whether they belong to their class; unusual is not wrong.",
    "label_doubtful": "Look at the picture: correct the label by an override where it is wrong.",
    "label_unknown": "Rename the folder, or add the class to curate.classes.",
    "unexpected": "Convert them to what is expected, or change curate.expect.",
    "salvaged": "Copy or download it again if the missing rows matter.",
    "override_conflict": "Remove one of the two lines of the overrides.",
    "override_unusable": "Replace the file, or remove the line from the overrides.",
    "duplicate_exact": "Nothing has to be done: one copy is kept. Remove the others to save space.",
    "duplicate_near": "Look at the groups: the best of each is kept. curate.near_duplicates decides that.",
    "label_conflict": "Decide which label is right, and remove the picture from the other classes.",
    "class_too_small": "Collect more images of the class, or lower curate.min_images_per_class.",
    "bridges_splits": "Nothing has to be done: it is left out so that no split knows a picture of another.",
}


def advice(finding: str, severity: str) -> str:
    """One or two sentences."""
    return OF_FINDING.get(finding, OF_SEVERITY.get(severity, ""))
