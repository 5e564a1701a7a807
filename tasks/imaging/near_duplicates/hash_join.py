"""Which hashes differ in a few bits only: multi-index hashing (arXiv:1307.2982) in blocks of bounded size.

With `radius + k` bands of bits, two hashes within the radius agree in at least k whole bands. So all pairs within it
meet in a bucket of at least one choice of k bands. More bands: more choices, but ever fewer strangers in a bucket.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from math import comb

import numpy as np

HASH_BITS = 64
_MOST_AGREEING = 4
# Nanoseconds, roughly: to sort one hash into its bucket and fetch it from there, and to compare two. Only the choice of
# the plan hangs on them, never a result.
_SORT_NS = 350
_COMPARE_NS = 2.5
# Real hashes crowd in some buckets: a key of so many bits parts them as well as this share of even ones would.
_EVEN_SHARE = 0.82
_MAX_KEY_BITS = 21  # more buckets than that take longer to count than the comparisons that they save
_POSITION_BITS = 40
_PORTION = 1 << 18
_QUERIES_AT_ONCE = 1 << 20
# Upper limits of work for one of many choices, so that a set of look-alikes ends in time as well; of few choices each
# may take more. What they cut is counted.
_COMPARISONS = 100_000_000
_COMPARISONS_PER_QUERY = 1_000
_CLOSE = 1_000_000
_CLOSE_PER_QUERY = 64
_MANY_CHOICES = 165

Band = tuple[int, int]  # lowest bit and number of bits
Choice = tuple[Band, ...]
OnClose = Callable[[np.ndarray, np.ndarray], None]
Window = tuple[np.ndarray, np.ndarray]  # for each query the first position among targets, and the one after the last
Close = tuple[np.ndarray, np.ndarray, np.ndarray]  # query, target and differing bits


@dataclass(slots=True)
class Counts:
    """How much was compared, and how much was left out by the limits: comparisons in overfull buckets, close pairs."""

    compared: int = 0
    comparisons_cut: int = 0
    close_cut: int = 0

    def add(self, other: "Counts") -> None:
        """Sum in place."""
        self.compared += other.compared
        self.comparisons_cut += other.comparisons_cut
        self.close_cut += other.close_cut


@dataclass(frozen=True, slots=True)
class Join:
    """A search for pairs of a query and a target within a radius, cut into choices of bands that may run apart."""

    radius_bits: int
    choices: tuple[Choice, ...]
    masks: tuple[np.uint64, ...] = field(repr=False)

    def limit(self, least: int, per_query: int, queries: int) -> int:
        """How much work one choice may take."""
        return max(least, per_query * queries) * max(1, _MANY_CHOICES // len(self.choices))


def plan(radius_bits: int, queries: int, targets: int) -> Join:
    """The choices of bands by which so many queries and targets are joined at the least cost."""
    return plan_of(
        radius_bits,
        min(range(1, _MOST_AGREEING + 1), key=lambda agreeing: _cost_ns(radius_bits, agreeing, queries, targets)),
    )


def _cost_ns(radius_bits: int, agreeing: int, queries: int, targets: int) -> float:
    bands = radius_bits + agreeing
    key_bits = agreeing * min(_MAX_KEY_BITS // agreeing, HASH_BITS // bands)
    compared = queries * targets / 2 ** (_EVEN_SHARE * key_bits)
    return comb(bands, agreeing) * (_SORT_NS * (queries + targets) + _COMPARE_NS * compared)


def plan_of(radius_bits: int, agreeing: int) -> Join:
    """The choices with so many bands that agree. Bits that would make the key too long are in no band."""
    bands = radius_bits + agreeing
    edges = np.linspace(0, HASH_BITS, bands + 1).astype(int).tolist()
    widest = _MAX_KEY_BITS // agreeing
    all_bands = [(low, min(high - low, widest)) for low, high in pairwise(edges)]
    choices = tuple(combinations(all_bands, agreeing))
    return Join(radius_bits, choices, tuple(_mask(choice) for choice in choices))


def spread(codes: np.ndarray) -> np.ndarray:
    """uint64 [N] -> the same bits in another order, in which neighbouring waves are in different bands.

    Perceptual hashes hold slow waves in low bits, which vary least.
    """
    codes = codes.astype(np.uint64)
    out = np.zeros_like(codes)
    for place in range(HASH_BITS):
        # 27 has no common factor with 64: every bit goes somewhere else.
        out |= ((codes >> np.uint64(place)) & np.uint64(1)) << np.uint64(place * 27 % HASH_BITS)
    return out


def close_pairs(
    join: Join,
    number: int,
    queries: np.ndarray,
    targets: np.ndarray,
    on_close: OnClose,
    counts: Counts,
    window: Window | None = None,
) -> None:
    """Give `on_close` the positions (query, target) of all pairs that this choice is the first to bring together.

    `queries`, `targets`: uint64 [Q], [T], `spread`. With a window each query meets only the targets that lie in it.
    """
    left_over = join.limit(_CLOSE, _CLOSE_PER_QUERY, len(queries))
    for query, target, differing in _close_in_buckets(join, number, queries, targets, window, counts):
        for mask in join.masks[:number]:
            new = (differing & mask) != 0
            if not new.all():
                query, target, differing = query[new], target[new], differing[new]
        counts.close_cut += max(0, len(query) - left_over)
        query, target = query[:left_over], target[:left_over]
        left_over -= len(query)
        if len(query):
            on_close(query, target)


def _close_in_buckets(
    join: Join, number: int, queries: np.ndarray, targets: np.ndarray, window: Window | None, counts: Counts
) -> Iterator[Close]:
    """Query, target and differing bits of pairs within the radius with equal keys, in portions.

    Targets are laid out in the order of their keys, then of their positions, so that a query's targets lie side by
    side. From overfull buckets each query takes the first ones.
    """
    choice = join.choices[number]
    buckets = _by_key(targets, choice)
    places = _positions(buckets)
    codes = targets[places]
    sizes = np.bincount(_keys_of(buckets), minlength=1 << sum(bits for _, bits in choice))
    ends = np.cumsum(sizes)
    for first in range(0, len(queries), _QUERIES_AT_ONCE):
        asking = _by_key(queries[first : first + _QUERIES_AT_ONCE], choice, first)
        numbers, keys = _positions(asking), _keys_of(asking)
        if window is None:
            starts, wanted = np.where(keys > 0, ends[keys - 1], 0), sizes[keys]
        else:
            starts, after = (np.searchsorted(buckets, _packed(keys, side[numbers])) for side in window)
            wanted = np.maximum(after - starts, 0)
        taken = np.minimum(wanted, _cap(wanted, join.limit(_COMPARISONS, _COMPARISONS_PER_QUERY, len(wanted))))
        counts.compared += int(taken.sum())
        counts.comparisons_cut += int(wanted.sum() - taken.sum())
        for query, target, differing in _in_turns(queries[numbers], starts, taken, codes, join.radius_bits):
            yield numbers[query], places[target], differing


def _in_turns(
    queries: np.ndarray, starts: np.ndarray, taken: np.ndarray, targets: np.ndarray, radius_bits: int
) -> Iterator[Close]:
    """Compare each query with as many targets as it takes from a start, all queries at once with their next target.

    Gives places among queries and targets. Those that take most go first, so that a turn is of the first so many.
    """
    order = np.argsort(-taken, kind="stable")[: np.count_nonzero(taken)]
    queries, place, taken = queries[order], starts[order], taken[order]
    asking = len(order) - np.searchsorted(taken[::-1], np.arange(taken.max(initial=0)), side="right")
    found: list[Close] = []
    held = 0
    for count in asking.tolist():
        differing = targets[place[:count]]
        differing ^= queries[:count]
        close = (np.bitwise_count(differing) <= radius_bits).nonzero()[0]
        if held + len(close) > _PORTION and found:
            yield _joined(found)
            found, held = [], 0
        if len(close):
            found.append((order[close], place[close], differing[close]))
            held += len(close)
        place[:count] += 1
    if found:
        yield _joined(found)


def _joined(found: list[Close]) -> Close:
    query, target, differing = map(np.concatenate, zip(*found, strict=True))
    return query, target, differing


def _by_key(codes: np.ndarray, choice: Choice, first: int = 0) -> np.ndarray:
    """uint64 [N]: keys with positions below them, the lowest of which is `first`, sorted."""
    packed = _packed(_keys(codes, choice), np.arange(first, first + len(codes)))
    packed.sort()
    return packed


def _packed(keys: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return (keys.astype(np.uint64) << np.uint64(_POSITION_BITS)) | positions.astype(np.uint64)


def _positions(packed: np.ndarray) -> np.ndarray:
    return (packed & np.uint64((1 << _POSITION_BITS) - 1)).astype(np.int64)


def _keys_of(packed: np.ndarray) -> np.ndarray:
    return (packed >> np.uint64(_POSITION_BITS)).astype(np.int64)


def _cap(wanted: np.ndarray, limit: int) -> int:
    """How many targets a query may take, so that all together stay within the limit."""
    cap = int(wanted.max(initial=0))
    while cap > 1 and int(np.minimum(wanted, cap).sum()) > limit:
        cap //= 2
    return cap


def _keys(codes: np.ndarray, choice: Choice) -> np.ndarray:
    """The bits of the choice side by side, uint64 [N]."""
    key = np.zeros(len(codes), np.uint64)
    for low, bits in choice:
        key = (key << np.uint64(bits)) | ((codes >> np.uint64(low)) & np.uint64((1 << bits) - 1))
    return key


def _mask(choice: Choice) -> np.uint64:
    return np.uint64(sum(((1 << bits) - 1) << low for low, bits in choice))
