"""Limits and weights: how many images each source gives, and that a choice stays as sources grow."""

import re
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.sources import Source, SourceItem, source_settings
from tasks.source_limits import LimitedSource, limited_sources, source_limits


@dataclass(frozen=True)
class Numbered(Source):
    """A source of so many good images, and so many that have a problem."""

    name: str
    good: int
    bad: int = 0

    def items(self):
        for number in range(self.good + self.bad):
            problem = "no_image" if number >= self.good else None
            yield SourceItem(member=f"{number}.png", problem=problem, label=str(number % 3))

    def read(self, member):
        return f"{self.name}/{member}".encode()


def mixture(**sizes_and_settings):
    """{name: (size, limit, weight)} -> settings of each, sources."""
    leaves = [
        source_settings(kind="flat_folder", path=name, name=name, limit=limit, weight=weight)
        for name, (_, limit, weight) in sizes_and_settings.items()
    ]
    return leaves, {name: Numbered(name, size, bad=7) for name, (size, _, _) in sizes_and_settings.items()}


def limits(**sizes_and_settings):
    return source_limits(*mixture(**sizes_and_settings))


def chosen(source):
    return {item.member for item in source.items() if item.problem is None}


def test_without_limits_and_weights_all_is_taken_as_it_is():
    leaves, sources = mixture(a=(10, None, None), b=(20, None, None))
    assert limited_sources(leaves, sources) == list(sources.values())


def test_a_limit_counts_good_images_only():
    limited = LimitedSource("a", Numbered("a", 10, bad=5), 4)
    counts = Counter(item.problem for item in limited.items())
    assert counts == {None: 4, "over_limit": 6, "no_image": 5}


def test_what_is_over_the_limit_says_so():
    item = next(item for item in LimitedSource("a", Numbered("a", 10), 4).items() if item.problem == "over_limit")
    assert item.detail == "the settings take 4 images of a, and it is not among them"


def test_a_limit_above_the_size_takes_all():
    assert len(chosen(LimitedSource("a", Numbered("a", 10), 11))) == 10


def test_a_limited_source_reads_as_the_source_does():
    assert LimitedSource("a", Numbered("a", 10), 4).read("3.png") == b"a/3.png"


def test_a_limit_takes_from_everywhere():
    numbers = sorted(
        int(member.removesuffix(".png")) for member in chosen(LimitedSource("a", Numbered("a", 3000), 300))
    )
    tenths = Counter(number // 300 for number in numbers)
    assert min(tenths.values()) > 15
    assert max(tenths.values()) < 50


def test_weights_set_the_proportions_and_the_shortest_gives_all():
    assert limits(a=(100, None, 3), b=(1000, None, 1), c=(50, None, 1)) == {"a": 100, "b": 33, "c": 33}


def test_equal_weights_give_equally_many_whatever_their_scale():
    assert limits(a=(70, None, 0.001), b=(900, None, 0.001)) == {"a": 70, "b": 70}


def test_a_source_without_a_weight_gives_all_beside_weighted_ones():
    assert limits(a=(10, None, 1), b=(20, None, 1), c=(500, None, None)) == {"a": 10, "b": 10, "c": None}


def test_a_limit_holds_within_a_mixture():
    assert limits(a=(100, 10, 1), b=(1000, None, 2), c=(30, 20, None)) == {"a": 10, "b": 20, "c": 20}


def test_a_weighted_source_that_gives_nothing_is_refused():
    sentence = (
        "b gives no image that could be used, so that the other sources would give none either by their weights; "
        "check it, or remove its weight"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        limits(a=(100, None, 1), b=(0, None, 1))


@given(
    st.lists(
        st.tuples(st.integers(1, 300), st.none() | st.integers(1, 300), st.floats(0.01, 100)), min_size=1, max_size=4
    )
)
def test_sizes_are_in_proportion_to_weights_and_no_larger_mixture_is(sources):
    named = dict(zip("abcd", sources, strict=False))
    found = limits(**named)
    most = {name: min(size, limit or size) for name, (size, limit, _) in named.items()}
    assert all(found[name] <= most[name] for name in named)
    assert any(found[name] == most[name] for name in named)
    total, weight = sum(found.values()), sum(weight for _, _, weight in named.values())
    for name, (_, _, own) in named.items():
        assert abs(found[name] - total * own / weight) <= 1 + len(named) / 2


@given(st.integers(1, 60), st.integers(0, 80), st.integers(0, 80))
def test_a_growing_source_only_pushes_out_as_many_as_come_in(limit, size, more):
    before = chosen(LimitedSource("a", Numbered("a", size), limit))
    after = chosen(LimitedSource("a", Numbered("a", size + more), limit))
    assert len(after) == min(limit, size + more)
    newcomers = {member for member in after if int(member.removesuffix(".png")) >= size}
    assert after - newcomers <= before
    assert len(before - after) == max(0, len(before) + len(newcomers) - limit)


@given(st.integers(1, 50), st.integers(0, 50))
def test_a_larger_limit_keeps_what_a_smaller_one_chose(limit, more):
    source = Numbered("a", 100)
    assert chosen(LimitedSource("a", source, limit)) <= chosen(LimitedSource("a", source, limit + more))


def test_sources_of_different_names_choose_differently():
    same_members = [chosen(LimitedSource(name, Numbered(name, 100), 50)) for name in "ab"]
    assert same_members[0] != same_members[1]
