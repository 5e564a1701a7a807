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
# Nanoseconds, measured: to sort one hash into its bucket, and to compare two.
_SORT_NS = 120
_COMPARE_NS = 8
# Real hashes crowd in some buckets: a key of so many bits parts them as well as this share of even ones would.
_EVEN_SHARE = 0.82
_MAX_KEY_BITS = 21  # more buckets than that take longer to count than the comparisons that they save
_POSITION_BITS = 40
_PORTION = 1 << 18
_QUERIES_AT_ONCE = 1 << 20
# Upper limits of work for one choice, so that a set of look-alikes ends in time as well. What they cut is counted.
_COMPARISONS = 100_000_000
_COMPARISONS_PER_QUERY = 1_000
_CLOSE = 1_000_000
_CLOSE_PER_QUERY = 64

Band = tuple[int, int]  # lowest bit and number of bits
Choice = tuple[Band, ...]
OnClose = Callable[[np.ndarray, np.ndarray], None]


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
    join: Join, number: int, queries: np.ndarray, targets: np.ndarray | None, on_close: OnClose, counts: Counts
) -> None:
    """Give `on_close` the positions (query, target) of all pairs that this choice is the first to bring together.

    `queries`, `targets`: uint64 [Q], [T], `spread`. Without targets: pairs i < j of the queries.
    """
    left_over = max(_CLOSE, _CLOSE_PER_QUERY * len(queries))
    for query, target, differing in _close_in_buckets(join, number, queries, targets, counts):
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
    join: Join, number: int, queries: np.ndarray, targets: np.ndarray | None, counts: Counts
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Query, target and differing bits of pairs within the radius with equal keys, in portions.

    Hashes are laid out in the order of their keys, so that buckets are read from end to end. From overfull buckets each
    query takes the first ones.
    """
    choice = join.choices[number]
    places, keys = _by_key(queries if targets is None else targets, choice)
    codes = (queries if targets is None else targets)[places]
    ends = np.cumsum(np.bincount(keys, minlength=1 << sum(bits for _, bits in choice)))
    for first in range(0, len(queries), _QUERIES_AT_ONCE):
        some = slice(first, first + _QUERIES_AT_ONCE)
        if targets is None:  # a query that is a target itself takes those that come after it
            asking, asking_keys, asking_codes = places[some], keys[some], codes[some]
            starts = np.arange(first + 1, first + 1 + len(asking))
        else:
            asking, asking_keys = _by_key(queries[some], choice)
            asking += first
            asking_codes = queries[asking]
            starts = np.where(asking_keys > 0, ends[asking_keys - 1], 0)
        wanted = ends[asking_keys] - starts
        taken = np.minimum(wanted, _cap(wanted))
        counts.compared += int(taken.sum())
        counts.comparisons_cut += int(wanted.sum() - taken.sum())
        for query, target in _expanded(starts, taken):
            differing = asking_codes[query] ^ codes[target]
            close = np.flatnonzero(np.bitwise_count(differing) <= join.radius_bits)
            yield asking[query[close]], places[target[close]], differing[close]


def _by_key(codes: np.ndarray, choice: Choice) -> tuple[np.ndarray, np.ndarray]:
    """Positions int64 in the order of their keys, then of their own, and the keys in that order."""
    packed = _keys(codes, choice)
    packed <<= np.uint64(_POSITION_BITS)
    packed |= np.arange(len(codes), dtype=np.uint64)
    packed.sort()
    return (
        (packed & np.uint64((1 << _POSITION_BITS) - 1)).astype(np.int64),
        (packed >> np.uint64(_POSITION_BITS)).astype(np.int64),
    )


def _expanded(starts: np.ndarray, taken: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Queries that take so many targets each from a start -> pairs of places, a bounded number at a time."""
    some = np.flatnonzero(taken > 0)
    starts, taken = starts[some], taken[some]
    before = np.concatenate([[0], np.cumsum(taken)])
    first = 0
    while first < len(some):
        last = max(first + 1, int(np.searchsorted(before, before[first] + _PORTION, side="right")) - 1)
        counts = taken[first:last]
        shift = np.repeat(starts[first:last] - before[first:last], counts)
        yield np.repeat(some[first:last], counts), np.arange(before[first], before[last]) + shift
        first = last


def _cap(wanted: np.ndarray) -> int:
    """How many targets a query may take, so that all together stay within the limit."""
    limit = max(_COMPARISONS, _COMPARISONS_PER_QUERY * len(wanted))
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
