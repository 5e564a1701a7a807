import pytest

from gan.models.registry import FAMILIES
from gan.presets import PRESETS, chosen_values, preset_for, with_preset
from gan.settings import TrainingSettings


@pytest.mark.parametrize(
    ("images", "side_px", "name"),
    [
        (1258, 16, "small"),
        (499, 16, "few"),
        (500, 28, "small"),
        (30_000, 32, "many"),
        (3_000, 64, "medium"),
        (60_000, 128, "large"),
        (100, 128, "few"),
    ],
)
def test_the_preset_follows_count_and_side(images: int, side_px: int, name: str) -> None:
    assert preset_for(images, side_px) == name
    assert with_preset(TrainingSettings(), images, side_px).preset == name


def test_data_like_the_digits_gets_the_defaults() -> None:
    assert with_preset(TrainingSettings(), 1258, 16) == TrainingSettings(preset="small")


def test_many_images_are_bounded_and_that_can_be_undone() -> None:
    assert with_preset(TrainingSettings(), 30_000, 28).bounded_output
    assert not with_preset(TrainingSettings(bounded_output=False), 30_000, 28).bounded_output


def test_what_was_set_goes_before_the_preset() -> None:
    chosen = with_preset(TrainingSettings(gamma_start=1.0, preset="medium"), 1258, 16)
    assert (chosen.gamma_start, chosen.gamma_end, chosen.latent_size) == (1.0, 0.5, 96)


def test_a_second_time_changes_nothing() -> None:
    once = with_preset(TrainingSettings(width=8), 100, 16)
    assert with_preset(once, 1258, 64) == once


def test_few_large_images_are_held_by_the_stronger_penalty() -> None:
    chosen = with_preset(TrainingSettings(), 100, 128)
    assert (chosen.preset, chosen.gamma_start, chosen.learning_rate_start) == ("few", 12.0, 5e-4)


def test_what_suits_the_family_goes_before_what_suits_the_data() -> None:
    assert with_preset(TrainingSettings(), 100, 16, {"gamma_start": 7.0}).gamma_start == 7.0


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_is_made_of_known_settings(name: str) -> None:
    chosen = with_preset(TrainingSettings(preset=name), 1000, 16)
    assert chosen_values(chosen).keys() == {"preset", *TrainingSettings.BY_PRESET}


def test_the_settings_know_what_presets_decide() -> None:
    chosen = [*PRESETS.values(), *(family.defaults for family in FAMILIES.values())]
    assert {name for values in chosen for name in values} == TrainingSettings.BY_PRESET


def test_a_part_of_a_section_leaves_the_rest_of_it_to_the_preset() -> None:
    given = TrainingSettings.model_validate({"discriminator_augmentation": {"target": 0.5}})
    chosen = with_preset(given, 100, 16).discriminator_augmentation
    assert (chosen.policies, chosen.target) == ("auto", 0.5)


def test_a_value_of_a_section_goes_before_the_preset() -> None:
    given = TrainingSettings.model_validate({"discriminator_augmentation": {"policies": "none"}})
    assert with_preset(given, 100, 16).discriminator_augmentation.policies == "none"
