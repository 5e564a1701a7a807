"""The augmenters as settings: what may be done to a copy, how strongly, and to what share of the copies.

Lengths are shares of the image's side, so that the same settings mean the same for small and for large images;
brightness is in grey levels [0, 255]. Each copy draws its own strength, evenly from the range.
"""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.augmentation.ranges import Range, share_of_copies, within

Fill = Literal["edge", "mirror", "black", "white"]


class _Augmenter(BaseModel):
    """One augmenter."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    needs_colour: ClassVar[bool] = False  # left out where images are grey


class FlipHorizontal(_Augmenter):
    """Left becomes right."""

    kind: Literal["flip_horizontal"] = "flip_horizontal"
    probability: float = share_of_copies(0.5)


class FlipVertical(_Augmenter):
    """Top becomes bottom."""

    kind: Literal["flip_vertical"] = "flip_vertical"
    probability: float = share_of_copies(0.5)


class _Affine(_Augmenter):
    """Neighbours of this sort with the same fill are done in one step, so that pixels are resampled once."""

    fill: Fill = Field("edge", description="what comes in from outside: edge, mirror, black or white")


class Rotate(_Affine):
    """Turned about the centre, clockwise where positive."""

    kind: Literal["rotate"] = "rotate"
    degrees: Annotated[Range, within(-180, 180)] = Field((-10.0, 10.0), description="angle, clockwise where positive")
    probability: float = share_of_copies(1.0)


class Shift(_Affine):
    """Moved to the right and down where positive."""

    kind: Literal["shift"] = "shift"
    x: Annotated[Range, within(-1, 1)] = Field((-0.08, 0.08), description="to the right, share of the width")
    y: Annotated[Range, within(-1, 1)] = Field((-0.08, 0.08), description="down, share of the height")
    probability: float = share_of_copies(1.0)


class Scale(_Affine):
    """Enlarged or shrunk about the centre; the image keeps its size."""

    kind: Literal["scale"] = "scale"
    factor: Annotated[Range, within(0.1, 10)] = Field((0.9, 1.1), description="1 = as it is, 2 = twice as large")
    probability: float = share_of_copies(1.0)


class Shear(_Affine):
    """Slanted, as italics are."""

    kind: Literal["shear"] = "shear"
    degrees: Annotated[Range, within(-40, 40)] = Field((-8.0, 8.0), description="angle of upright lines")
    probability: float = share_of_copies(1.0)


class Crop(_Augmenter):
    """Each side is cut by a share of its own, and the rest enlarged to the size before."""

    kind: Literal["crop"] = "crop"
    share: Annotated[Range, within(0, 0.45)] = Field((0.0, 0.1), description="cut off at each side, share of the side")
    probability: float = share_of_copies(1.0)


class Perspective(_Augmenter):
    """Seen at an angle: the corners are moved inwards."""

    kind: Literal["perspective"] = "perspective"
    share: Annotated[Range, within(0, 0.25)] = Field((0.01, 0.06), description="corners move so far, share of the side")
    probability: float = share_of_copies(0.3)


class Elastic(_Augmenter):
    """Bent, as if drawn on rubber."""

    kind: Literal["elastic"] = "elastic"
    displacement: Annotated[Range, within(0, 0.2)] = Field((0.005, 0.02), description="pixels move, share of the side")
    smoothness: float = Field(0.2, ge=0.02, le=0.5, description="reach of a bend, share of the side")
    probability: float = share_of_copies(0.3)


class Brightness(_Augmenter):
    """All levels multiplied."""

    kind: Literal["brightness"] = "brightness"
    factor: Annotated[Range, within(0, 4)] = Field((0.85, 1.15), description="1 = as it is, 0.5 = half as bright")
    probability: float = share_of_copies(1.0)


class Contrast(_Augmenter):
    """Levels spread away from mid grey, or drawn towards it."""

    kind: Literal["contrast"] = "contrast"
    factor: Annotated[Range, within(0, 4)] = Field((0.85, 1.15), description="1 = as it is, 0 = all grey")
    probability: float = share_of_copies(1.0)


class HueSaturation(_Augmenter):
    """Colours turned round the colour wheel and made fuller or paler. Colour images only."""

    kind: Literal["hue_saturation"] = "hue_saturation"
    needs_colour: ClassVar[bool] = True
    hue_degrees: Annotated[Range, within(-180, 180)] = Field((-10.0, 10.0), description="turn of the colour wheel")
    saturation: Annotated[Range, within(-1, 1)] = Field((-0.1, 0.1), description="added, of 0 to 1")
    probability: float = share_of_copies(1.0)


class GaussianNoise(_Augmenter):
    """Grain."""

    kind: Literal["gaussian_noise"] = "gaussian_noise"
    std_levels: Annotated[Range, within(0, 128)] = Field((1.0, 8.0), description="standard deviation in grey levels")
    probability: float = share_of_copies(0.3)


class SaltAndPepper(_Augmenter):
    """Single pixels replaced by light or dark ones."""

    kind: Literal["salt_and_pepper"] = "salt_and_pepper"
    share: Annotated[Range, within(0, 1)] = Field((0.005, 0.03), description="share of pixels replaced")
    probability: float = share_of_copies(0.3)


class PoissonNoise(_Augmenter):
    """Noise of counted light: rare pixels differ much."""

    kind: Literal["poisson_noise"] = "poisson_noise"
    mean_levels: Annotated[Range, within(0, 128)] = Field((1.0, 8.0), description="mean in grey levels")
    probability: float = share_of_copies(0.3)


class Blur(_Augmenter):
    """Out of focus."""

    kind: Literal["blur"] = "blur"
    sigma_px: Annotated[Range, within(0, 50)] = Field((0.2, 1.0), description="reach of the blur in pixels")
    probability: float = share_of_copies(0.3)


class Cutout(_Augmenter):
    """Holes, so that a part of the thing has to do."""

    kind: Literal["cutout"] = "cutout"
    share: Annotated[Range, within(0.01, 0.9)] = Field((0.1, 0.25), description="side of a hole, share of the side")
    count: int = Field(1, ge=1, le=16, description="holes in an image")
    fill: Literal["grey", "black", "white", "noise"] = Field("grey", description="grey, black, white or noise")
    probability: float = share_of_copies(0.3)


class JpegArtefacts(_Augmenter):
    """Blocks and halos of a JPEG that was saved too small."""

    kind: Literal["jpeg_artefacts"] = "jpeg_artefacts"
    quality: Annotated[Range, within(1, 100)] = Field((30.0, 80.0), description="JPEG quality, 100 = best")
    probability: float = share_of_copies(0.3)


Affine = Rotate | Shift | Scale | Shear
AnyAugmenter = (
    FlipHorizontal
    | FlipVertical
    | Affine
    | Crop
    | Perspective
    | Elastic
    | Brightness
    | Contrast
    | HueSaturation
    | GaussianNoise
    | SaltAndPepper
    | PoissonNoise
    | Blur
    | Cutout
    | JpegArtefacts
)
Augmenter = Annotated[AnyAugmenter, Field(discriminator="kind")]
KINDS: dict[str, type[AnyAugmenter]] = {model.model_fields["kind"].default: model for model in get_args(AnyAugmenter)}
