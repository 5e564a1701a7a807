"""What is true of every pixel operation, and of lists of them."""

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import TypeAdapter

from tasks.imaging.operations.denoise import NOISE_METHODS
from tasks.imaging.operations.registry import KINDS, Operation, apply_all, check_fits_channels, check_levels_fit
from tasks.imaging.operations.threshold import ThresholdSettings

FLAT_TO_A_LEVEL = {"nlm"}  # through a colour space with coarser steps
GREY_IS_NOT_COLOUR = {"bilateral", "nlm"}  # distances of colours add up the channels


def literals(annotation: Any) -> list[Any]:
    """The values of a Literal, however nested."""
    return [value for part in get_args(annotation) for value in (literals(part) if get_args(part) else [part])]


def methods(kind: str) -> list[dict[str, Any]]:
    """Settings for every method of a kind; of auto for every method that it may use."""
    field = KINDS[kind].settings.model_fields.get("method")
    if field is None:
        return [{}]
    extra = [{"method": "auto", "auto_method": name, "auto_min_sd": 0.5} for name in NOISE_METHODS]
    windows = [{"method": name, "side_px": 7} for name in ("median", "open", "close")]
    more = extra + windows if kind == "denoise" else []
    return [{"method": name} for name in literals(field.annotation)] + more


CASES = [KINDS[kind].settings(**values) for kind in KINDS for values in methods(kind)]


def name_of(operation: Any) -> str:
    return "-".join(str(value) for value in operation.model_dump(exclude_defaults=True).values()) or operation.kind


def images(channels: int | None = None, max_side: int = 24) -> st.SearchStrategy[np.ndarray]:
    """Small images uint8 [H, W, C] from 1 x 1, of any levels or of few."""
    depth = st.sampled_from([1, 3]) if channels is None else st.just(channels)
    shapes = st.tuples(st.integers(1, max_side), st.integers(1, max_side), depth)
    levels = st.one_of(st.integers(0, 255), st.sampled_from([0, 255]), st.sampled_from([7, 8]))
    return shapes.flatmap(lambda shape: hnp.arrays(np.uint8, shape, elements=levels))


@pytest.mark.parametrize("operation", CASES, ids=name_of)
@settings(max_examples=12, deadline=None)
@given(image=images())
def test_every_image_gives_one_of_its_own_shape_and_is_left_as_it_was(operation: Any, image: np.ndarray) -> None:
    before = image.copy()
    result = apply_all(image, [operation])
    assert (result.shape, result.dtype) == (image.shape, np.uint8)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("operation", CASES, ids=name_of)
@pytest.mark.parametrize("level", [0, 77, 255])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (1, 7, 3), (9, 2, 1), (20, 23, 3)])
def test_flat_images_stay_as_they_are(operation: Any, shape: tuple[int, int, int], level: int) -> None:
    if operation.kind == "gamma":
        operation = operation.model_copy(update={"gamma": 1.0})
    result = apply_all(np.full(shape, level, np.uint8), [operation])
    assert np.ptp(result) == 0
    assert abs(int(result[0, 0, 0]) - level) <= (getattr(operation, "method", "") in FLAT_TO_A_LEVEL)


def blurred_noise(shape: tuple[int, int, int]) -> np.ndarray:
    coarse = np.random.default_rng(3).integers(0, 256, (4, 5, shape[2])).repeat(8, axis=0).repeat(8, axis=1)
    noise = np.random.default_rng(4).normal(0, 12, coarse.shape)
    return np.clip(coarse + noise, 0, 255).astype(np.uint8)[: shape[0], : shape[1]]


@pytest.mark.parametrize("operation", CASES, ids=name_of)
def test_the_same_image_gives_the_same_pixels_whatever_was_done_before(operation: Any) -> None:
    image = blurred_noise((31, 37, 3))
    first = apply_all(image, [operation])
    apply_all(np.random.default_rng(5).integers(0, 256, (40, 30, 3), dtype=np.uint8), CASES[-1:])
    assert np.array_equal(apply_all(image, [operation]), first)


@pytest.mark.parametrize("operation", CASES, ids=name_of)
def test_a_view_gives_the_pixels_of_its_copy(operation: Any) -> None:
    image = blurred_noise((31, 37, 3))[::-1, 2:-3]
    assert np.array_equal(apply_all(image, [operation]), apply_all(image.copy(), [operation]))


def differs_by_colour(operation: Any) -> bool:
    return bool({getattr(operation, "method", None), getattr(operation, "auto_method", None)} & GREY_IS_NOT_COLOUR)


@pytest.mark.parametrize("operation", [case for case in CASES if not differs_by_colour(case)], ids=name_of)
def test_grey_in_three_channels_is_treated_like_grey_in_one(operation: Any) -> None:
    grey = blurred_noise((31, 37, 1))
    colour = apply_all(np.repeat(grey, 3, axis=2), [operation]).astype(int)
    # Chambolle's method stops by the change of all channels together.
    assert np.abs(colour - apply_all(grey, [operation])).max() <= (getattr(operation, "method", "") == "tv_chambolle")


def test_no_operations_give_the_image_itself() -> None:
    image = np.zeros((3, 3, 3), np.uint8)
    assert apply_all(image, ()) is image


def test_operations_are_done_in_their_order_and_may_occur_twice() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    darker = TypeAdapter(Operation).validate_python({"kind": "gamma", "gamma": 2.0})
    split = ThresholdSettings(method="fixed", level=127, foreground="bright")
    assert np.count_nonzero(apply_all(image, [darker, split])) < np.count_nonzero(apply_all(image, [split, darker]))
    once, twice = (apply_all(image, [darker] * times).astype(int).sum() for times in (1, 2))
    assert twice < once


@pytest.mark.parametrize("operation", CASES, ids=name_of)
def test_settings_survive_json(operation: Any) -> None:
    adapter = TypeAdapter(Operation)
    assert adapter.validate_json(adapter.dump_json(operation)) == operation


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_called_what_its_settings_say_and_all_is_described(kind: str) -> None:
    fields = KINDS[kind].settings.model_fields
    assert fields["kind"].default == kind
    assert [name for name, field in fields.items() if not 10 <= len(field.description or "") <= 90] == []


def test_colour_constancy_of_grey_is_refused() -> None:
    operation = KINDS["colour_constancy"].settings()
    with pytest.raises(
        ValueError, match=r"^colour_constancy does nothing to grey images, and channels is 1; remove it$"
    ):
        check_fits_channels(1, [operation])
    check_fits_channels(3, [operation])


def test_a_colour_for_grey_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^fill_levels of threshold are 3 levels, and channels is 1; give one level$"):
        check_fits_channels(1, [ThresholdSettings(fill_levels=(1, 2, 3))])
    check_levels_fit(1, "any", (0,))
    check_levels_fit(3, "any", (0,))


def test_all_methods_are_covered_here() -> None:
    assert {case.kind for case in CASES} == set(KINDS)
    assert len(CASES) == 33
