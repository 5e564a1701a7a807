"""Discriminators of the style families: exact penalties need slopes of slopes through all of them."""

import pytest

from gan.models.growth_layers import set_level
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from tests.gan.models.second_order import check_degree_two


@pytest.mark.parametrize("side", [16, 128])
@pytest.mark.parametrize("level", [0.5, 10.0], ids=["fading in", "grown"])
@pytest.mark.parametrize("family", ["stylegan2", "progressive"])
def test_exact_penalties_have_slopes_through_the_discriminator(family: str, level: float, side: int) -> None:
    wanted = ModelSpec(family=family, resolution_px=side, channels=3, classes=3, latent_size=4, width=2, max_width=8)
    network = FAMILIES[family].build_partner(wanted, 0)
    set_level(network, level)
    layers = ["last_conv", "hidden"]
    if family == "stylegan2":
        layers += ["image", "directions"]
    elif level == 10.0:
        layers += [f"read_{side}", f"conv_{side}"]
    check_degree_two(network, layers)
