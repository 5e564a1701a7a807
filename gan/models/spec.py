"""What a generator and its discriminator are built from."""

from pydantic import BaseModel, ConfigDict, Field

from datasets.errors import BadInput
from gan.models.options import NormalisationChoice

RESOLUTIONS_PX = (16, 28, 32, 64, 128)


class ModelSpec(BaseModel):
    """Enough to rebuild both networks; stored beside their weights.

    Images are [N, resolution_px, resolution_px, channels]. `classes` is 0 for unconditional networks.
    `latent_scale` is the deviation of the latents when sampling; in training it is 1.
    `spectral_normalisation` is of the discriminator. With `bounded_output` every family's images are in [-1, 1].
    `normalisation` and `attention_px`, the side of the features that attend to themselves, are of both networks, in
    families that have them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str = "conv"
    resolution_px: int
    channels: int
    classes: int = Field(ge=0)
    latent_size: int = Field(ge=1)
    latent_scale: float = Field(1.0, gt=0)
    width: int = Field(ge=1)
    max_width: int = Field(ge=1)
    spectral_normalisation: bool = False
    bounded_output: bool = False
    normalisation: NormalisationChoice = "auto"
    attention_px: int | None = None

    @property
    def base_px(self) -> int:
        """Side of the coarsest layer: 7 for 28 px, else 4."""
        return 7 if self.resolution_px == 28 else 4

    @property
    def stages(self) -> int:
        """How often the side is doubled from the coarsest layer to the image."""
        return (self.resolution_px // self.base_px).bit_length() - 1

    def width_at(self, halvings: int) -> int:
        """Channels after the image's side was halved so many times."""
        return min(self.width * 2**halvings, self.max_width)


def check_attention(spec: ModelSpec) -> None:
    """Raises BadInput where attention is asked for at a side that no features of either network have."""
    sides = [spec.resolution_px >> halvings for halvings in range(spec.stages, 0, -1)]
    if spec.attention_px is not None and spec.attention_px not in sides:
        raise BadInput(
            f"attention_px is {spec.attention_px}, but in networks for {spec.resolution_px} px features have sides of "
            f"{', '.join(map(str, sides))} px; set it to one of these, or to null"
        )


def check_image_shape(shape: tuple[int, ...]) -> None:
    """Raises BadInput unless [N, H, W, C] is a shape that the networks can be built for."""
    if len(shape) != 4 or shape[1] != shape[2] or shape[1] not in RESOLUTIONS_PX or shape[3] not in (1, 3):
        sides = ", ".join(map(str, RESOLUTIONS_PX))
        raise BadInput(
            f"images have shape {tuple(shape)}; a generator needs [N, side, side, 1 or 3] with a side of {sides} px; "
            "prepare the data set with such a size"
        )
