"""Our numbers beside those of published programs on the same features, and beside 50 digits where these are wrong.

`peer_values.json` names packages and versions, and is what `benchmarks/peers/metric_values.py` prints.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.feature_sets import FRECHET, KERNEL, OVERLAP, logits
from benchmarks.peers.metric_values import equally_many
from gan.metrics.frechet import frechet_distance, statistics
from gan.metrics.inception_score import inception_score
from gan.metrics.kernel_distance import kernel_distance
from gan.metrics.manifold import overlap

GOLDEN = json.loads((Path(__file__).parent / "peer_values.json").read_text(encoding="utf-8"))
FRECHET_PROGRAMS = ("pytorch-fid", "clean-fid", "torch-fidelity")
SQUARE_ROOTS = ("pytorch-fid", "clean-fid")  # of a product of covariances


@pytest.fixture(scope="module")
def frechet() -> dict[str, float]:
    pairs = {name: tuple(map(statistics, made())) for name, made in FRECHET.items()}
    return {name: frechet_distance(*pair) for name, pair in pairs.items()}


def overlap_of(name: str) -> dict[str, float]:
    synthetic, real = OVERLAP[name]()
    found = overlap(real, synthetic, k=5)
    return {name: getattr(found, name) for name in ("precision", "recall", "density", "coverage")}


@pytest.mark.parametrize("program", FRECHET_PROGRAMS)
@pytest.mark.parametrize("name", ["full_rank", "fewer_than_numbers", "wide"])
def test_the_frechet_distance_agrees(name: str, program: str, frechet: dict[str, float]) -> None:
    assert frechet[name] == pytest.approx(GOLDEN["frechet"][name][program], rel=1e-6)


@pytest.mark.parametrize("name", ["full_rank", "fewer_than_numbers", "few_and_large"])
def test_the_frechet_distance_is_right_to_twelve_digits_or_eleven(name: str, frechet: dict[str, float]) -> None:
    assert frechet[name] == pytest.approx(GOLDEN["frechet"][name]["mpmath"], rel=1e-11)


@pytest.mark.parametrize("program", FRECHET_PROGRAMS)
@pytest.mark.parametrize("name", ["equal", "equal_and_few"])
def test_equal_sets_are_at_zero_where_programs_go_below(name: str, program: str, frechet: dict[str, float]) -> None:
    assert GOLDEN["frechet"][name][program] < 0.0
    assert 0.0 <= frechet[name] < 1e-11


@pytest.mark.parametrize("program", SQUARE_ROOTS)
def test_few_vectors_of_large_numbers_are_measured_where_programs_get_complex_numbers(program: str) -> None:
    # frechet["few_and_large"] is compared with the truth above.
    assert GOLDEN["frechet"]["few_and_large"][program].startswith("ValueError: Imaginary component")


def test_programs_are_a_hundred_times_less_exact_on_few_vectors(frechet: dict[str, float]) -> None:
    golden = GOLDEN["frechet"]["fewer_than_numbers"]
    ours = abs(frechet["fewer_than_numbers"] - golden["mpmath"])
    assert all(abs(golden[program] - golden["mpmath"]) > 100 * ours for program in FRECHET_PROGRAMS)


@pytest.mark.parametrize("program", ["clean-fid", "torch-fidelity"])
@pytest.mark.parametrize("name", list(KERNEL))
def test_the_kernel_distance_agrees(name: str, program: str) -> None:
    synthetic, real = equally_many(*KERNEL[name]())
    found = kernel_distance(synthetic, real, seed=0, standardise=False)
    assert found.value == pytest.approx(GOLDEN["kernel"][name][program], rel=1e-6)


@pytest.mark.parametrize("name", ["full_rank", "wide"])
def test_precision_recall_density_and_coverage_agree(name: str) -> None:
    assert overlap_of(name) == pytest.approx(GOLDEN["overlap"][name]["prdc"], rel=1e-6)


@pytest.mark.parametrize("name", list(OVERLAP))
def test_precision_and_recall_agree_ties_included(name: str) -> None:
    found = overlap_of(name)
    golden = GOLDEN["overlap"][name]["torch-fidelity"]  # which computes them in single precision
    assert {key: found[key] for key in golden} == pytest.approx(golden, rel=1e-6)


def test_a_point_on_the_surface_is_inside_where_prdc_leaves_it_out() -> None:
    found, golden = overlap_of("two_repeated"), GOLDEN["overlap"]["two_repeated"]["prdc"]
    assert set(golden.values()) == {0.0}
    assert (found["precision"], found["recall"], found["coverage"]) == (1.0, 1.0, 1.0)


def test_the_inception_score_agrees() -> None:
    exponentials = np.exp(logits())
    found = inception_score(exponentials / exponentials.sum(axis=1, keepdims=True), seed=0, splits=1)
    assert found.value == pytest.approx(GOLDEN["inception_score"]["logits"]["torch-fidelity"], rel=1e-6)
