"""Whether one thumbnail shows an edited copy of another: cut at the edges, turned a little, or marked with a text.

A cut or turned copy is proposed by the hash of one of several views into its original, and confirmed when the two
thumbnails agree after an affine alignment (enhanced correlation, doi:10.1109/TPAMI.2008.113) that a cut or a small turn
explains. A marked one agrees nearly everywhere: in most of the pixels in which either picture has texture.
"""

from functools import cache

import cv2
import numpy as np

from tasks.imaging.measures import THUMBNAIL_SIDE_PX
from tasks.imaging.near_duplicates.likeness import PAIRS_AT_ONCE, compare, mirror

_SIDE = THUMBNAIL_SIDE_PX
_CENTRE = (_SIDE - 1) / 2
_HASH_SIDE = 8
_SILENT_AMPLITUDE = 1.0
# The outermost pixels of a turned copy are filled in, and of a cut one are interpolated with nothing.
_EDGE_PX = 2
_BLOCK_PX = 4
# Chosen so that some 2 of 100 planted copies are dropped before alignment, which costs most, and 98 of 100 strangers.
_MIN_BLOCK_CORRELATION = 0.92
_MAX_BLOCK_DIFFERENCE = 10.0
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 1e-4)
# Thumbnails of a cut differ in their sampling; below this scale (in thumbnail pixels) they need not agree.
_BLUR_PX = 1.2
_MIN_CORRELATION = 0.97
# What a cut by up to 12 % or a turn by up to some 4 degrees explains.
_MAX_ZOOM = 0.14
_MAX_UNEQUAL_ZOOM = 0.05
_MAX_SHEAR = 0.09
_MAX_SHEAR_ALIKE = 6e-4
_MAX_DRIFT_PX = 0.6
_TEXTURED_PIXELS = 300
_UNMARKED_SHARE = 0.7
_MIN_TEXTURE_LEVELS = 4.0


def _affine(zoom: float, right_px: float = 0.0, down_px: float = 0.0, turn_deg: float = 0.0) -> np.ndarray:
    """float32 [2, 3]: from pixels of a view to pixels of the thumbnail, about its centre."""
    cosine, sine = zoom * np.cos(np.deg2rad(turn_deg)), zoom * np.sin(np.deg2rad(turn_deg))
    linear = np.array([[cosine, -sine], [sine, cosine]])
    shift = np.array([right_px, down_px]) + _CENTRE - linear @ [_CENTRE, _CENTRE]
    return np.column_stack([linear, shift]).astype(np.float32)


# The picture itself; 3 % cut; 10 % cut, at nine places; turned by 2 degrees either way.
VIEWS: tuple[np.ndarray, ...] = (
    _affine(1.0),
    _affine(0.97),
    *(_affine(0.9, right_px, down_px) for down_px in (-1.04, 0.0, 1.04) for right_px in (-1.04, 0.0, 1.04)),
    _affine(1.0, turn_deg=2.0),
    _affine(1.0, turn_deg=-2.0),
)


def view_hashes(thumbnails: np.ndarray, at: np.ndarray) -> np.ndarray:
    """uint64 [V, M]: perceptual hashes of all views into the thumbnails at the rows `at`, as `measure` makes them."""
    waves_of_thumbnail = _hash_waves().T
    weights = np.concatenate([_sampling(view).T @ waves_of_thumbnail for view in VIEWS], axis=1).astype(np.float32)
    bits = np.uint64(1) << np.arange(_HASH_SIDE**2, dtype=np.uint64)
    hashes = np.empty((len(VIEWS), len(at)), np.uint64)
    for start in range(0, len(at), PAIRS_AT_ONCE):
        chunk = slice(start, start + PAIRS_AT_ONCE)
        waves = (thumbnails[at[chunk]].astype(np.float32) @ weights).reshape(-1, len(VIEWS), _HASH_SIDE**2)
        waves[:, :, 0] = 0
        hashes[:, chunk] = ((waves > _SILENT_AMPLITUDE) * bits).sum(axis=2, dtype=np.uint64).T
    return hashes


def are_edits(
    left: np.ndarray, right: np.ndarray, view: int, mirrored: bool, max_difference: float, max_marked_difference: float
) -> np.ndarray:
    """Thumbnails uint8 [P, 1024] twice -> bool [P]: whether right is an edited copy of left, seen in this view."""
    if mirrored:
        right = mirror(right)
    found = np.zeros(len(left), bool)
    for index in np.flatnonzero(_may_be_edits(left, right, view)):
        one, other = (side[index].reshape(_SIDE, _SIDE).astype(np.float32) for side in (left, right))
        found[index] = (view == 0 and _agree_but_for_marks(one, other, max_marked_difference)) or _agree_aligned(
            one, other, VIEWS[view], max_difference
        )
    return found


def _may_be_edits(left: np.ndarray, right: np.ndarray, view: int) -> np.ndarray:
    """Bool [P]: whether block means agree roughly, with left seen in the view."""
    difference, correlation = compare(
        left.astype(np.float32) @ _blocks_seen(view), right.astype(np.float32) @ _blocks_seen(0)
    )
    return (difference <= _MAX_BLOCK_DIFFERENCE) & (correlation >= _MIN_BLOCK_CORRELATION)


@cache
def _blocks_seen(view: int) -> np.ndarray:
    """float32 [1024, 49]: from a thumbnail to the means of the inner blocks of a view."""
    places = (np.arange(_SIDE) - _EDGE_PX) // _BLOCK_PX
    of_block = (places == np.arange((_SIDE - 2 * _EDGE_PX) // _BLOCK_PX)[:, np.newaxis]) / _BLOCK_PX
    return (_sampling(VIEWS[view]).T @ np.kron(of_block, of_block).T).astype(np.float32)


def _agree_aligned(one: np.ndarray, other: np.ndarray, start: np.ndarray, max_difference: float) -> bool:
    """float32 [32, 32] twice: whether they agree once the first is moved onto the second."""
    try:
        _, warp = cv2.findTransformECC(other, one, start.copy(), cv2.MOTION_AFFINE, _STEPS, None, 3)
    except cv2.error:  # no alignment betters the agreement
        return False
    if not _is_cut_or_turn(warp):
        return False
    moved = cv2.warpAffine(
        one, warp, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    inner = slice(_EDGE_PX, -_EDGE_PX)
    sides = [cv2.GaussianBlur(side, (0, 0), _BLUR_PX)[inner, inner].reshape(1, -1) for side in (moved, other)]
    difference, correlation = compare(*sides)
    return bool(difference[0] <= max_difference and correlation[0] >= _MIN_CORRELATION)


def _is_cut_or_turn(warp: np.ndarray) -> bool:
    """Whether an affine map, float [2, 3], is little more than a cut or a turn; a turn shears what is not square."""
    (zoom_x, shear_x, _), (shear_y, zoom_y, _) = warp.tolist()
    drift = warp @ np.array([_CENTRE, _CENTRE, 1.0]) - _CENTRE
    room = _CENTRE * np.abs(1 - np.array([zoom_x, zoom_y])) + _MAX_DRIFT_PX
    return (
        max(abs(zoom_x - 1), abs(zoom_y - 1)) <= _MAX_ZOOM
        and abs(zoom_x - zoom_y) <= _MAX_UNEQUAL_ZOOM
        and max(abs(shear_x), abs(shear_y)) <= _MAX_SHEAR
        and shear_x * shear_y <= _MAX_SHEAR_ALIKE
        and bool((np.abs(drift) <= room).all())
    )


def _agree_but_for_marks(one: np.ndarray, other: np.ndarray, max_difference: float) -> bool:
    """float32 [32, 32] twice: whether most of the pixels with most texture in both are the same."""
    texture = np.minimum(_texture(one), _texture(other)).ravel()
    chosen = np.argpartition(-texture, _TEXTURED_PIXELS)[:_TEXTURED_PIXELS]
    if texture[chosen].mean() < _MIN_TEXTURE_LEVELS:
        return False
    difference = (one - other).ravel()
    difference = np.abs(difference - np.median(difference))
    return bool(np.quantile(difference[chosen], _UNMARKED_SHARE) <= max_difference)


def _texture(grey: np.ndarray) -> np.ndarray:
    """Deviation of grey levels about each pixel."""
    mean, square = (cv2.GaussianBlur(levels, (0, 0), 1.5) for levels in (grey, grey * grey))
    return np.sqrt(np.maximum(square - mean * mean, 0))


def _hash_waves() -> np.ndarray:
    """float64 [64, 1024]: the 64 slowest waves of the cosine transform of a thumbnail."""
    wave, place = np.arange(_HASH_SIDE)[:, np.newaxis], np.arange(_SIDE)
    transform = np.cos(np.pi * (2 * place + 1) * wave / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    transform[0] *= np.sqrt(0.5)
    return np.kron(transform, transform)


def _sampling(view: np.ndarray) -> np.ndarray:
    """float64 [1024, 1024]: bilinear sampling of a thumbnail in a view, as a linear map of its pixels."""
    pixels = np.arange(_SIDE**2)
    rows, columns = np.divmod(pixels, _SIDE)
    x, y = np.clip(view.astype(np.float64) @ np.stack([columns, rows, np.ones(_SIDE**2)]), 0, _SIDE - 1)
    left, top = (np.minimum(place.astype(np.int64), _SIDE - 2) for place in (x, y))
    sampling = np.zeros((_SIDE**2, _SIDE**2))
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        sampling[pixels, row * _SIDE + column] = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
    return sampling
