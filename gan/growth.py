"""How far networks have grown after so many images: a function of nothing else, so that resume is exact.

Karras et al. 2017, arXiv:1710.10196, appendix A: the coarsest side for one phase; then each doubling fades in for one
phase and settles for another.
"""

from collections.abc import Sequence

import keras

from gan.models.growth_layers import fades, set_level
from gan.settings import TrainingSettings

_GROWN_AFTER = 1 / 3  # of the budget, where settings leave it open; before collapse is judged


def level_at(images_seen: int, images_per_phase: int, doublings: int) -> float:
    """Doublings that show, 1.25 being the first and a quarter of the second; in [0, doublings]."""
    phases = max(0.0, images_seen / images_per_phase - 1.0)
    settled = int(phases // 2)
    return min(float(doublings), settled + min(1.0, phases - 2 * settled))


def images_per_phase(settings: TrainingSettings, doublings: int) -> int:
    """Images of one phase of networks with so many doublings."""
    chosen = settings.growth.images_per_phase
    return chosen or max(1, round(_GROWN_AFTER * settings.budget_images / (2 * max(1, doublings))))


class Growth:
    """Of networks that grow together; nothing for those that do not."""

    def __init__(self, networks: Sequence[keras.Model], settings: TrainingSettings) -> None:
        self._networks = [network for network in networks if fades(network)]
        self._doublings = max((len(fades(network)) for network in self._networks), default=0)
        self._images_per_phase = images_per_phase(settings, self._doublings)

    def follow(self, images_seen: int) -> None:
        """Show what is due after so many images."""
        for network in self._networks:
            set_level(network, level_at(images_seen, self._images_per_phase, self._doublings))
