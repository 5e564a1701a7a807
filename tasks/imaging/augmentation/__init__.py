"""Augmented copies of single images: `augmenters` and `presets` say what may be done, `engine` does it by imgaug."""

from tasks.imaging.augmentation.settings import AugmentationSettings

__all__ = ["AugmentationSettings"]
