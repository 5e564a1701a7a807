"""How much an archive may unpack to before it counts as an attack."""

from datasets.errors import BadInput

MAX_RATIO = 200
MAX_EXTRA_BYTES = 1 << 30


def most_unpacked_bytes(archive_bytes: int) -> int:
    """Images hardly compress, so that 200 times the size and 1 GiB are far above every real archive of them."""
    return MAX_RATIO * archive_bytes + MAX_EXTRA_BYTES


def too_much(place: str, archive_bytes: int, unpacked_bytes: int) -> BadInput:
    """The error for an archive that holds more than it may."""
    return BadInput(
        f"{place}: its {archive_bytes} bytes unpack to {unpacked_bytes} or more, over {MAX_RATIO} times as much, "
        "which no archive of images does; unpack it yourself if you trust it, and give the folder"
    )
