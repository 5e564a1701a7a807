"""Makes the picture of docs/pixel-operations.md, from a scene that is drawn here.

python -m docs.make_operation_pictures docs/images/pixel-operations.jpg
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from datasets.image_codec import encode_image
from tasks.imaging.operations.registry import KINDS, apply_all
from tasks.imaging.operations.resize import ResizeSettings, resize

SIDE_PX, CAPTION_PX, GAP_PX, COLUMNS = 128, 18, 4, 6
NOISE_SD = 20.0


def scene() -> np.ndarray:
    """A shaded ball, a striped box and letters on a plain wall, uint8 [128, 128, 3]."""
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float64)
    picture = np.full((SIDE_PX, SIDE_PX, 3), (214, 210, 204), np.float64)
    ball = (rows - 48) ** 2 + (columns - 44) ** 2 < 30**2
    shade = 1.15 - 0.009 * np.hypot(rows - 34, columns - 32)
    picture[ball] = (np.array([205, 70, 50]) * shade[:, :, np.newaxis])[ball]
    box = (np.abs(rows - 86) < 26) & (np.abs(columns - 84) < 28)
    stripes = np.where((columns // 4 % 2 == 0)[:, :, np.newaxis], (40, 90, 150), (90, 150, 200))
    picture[box] = stripes[box]
    drawn = np.ascontiguousarray(np.clip(picture, 0, 255).astype(np.uint8))
    cv2.putText(drawn, "Aug", (60, 92), cv2.FONT_HERSHEY_DUPLEX, 0.8, (250, 240, 120), 1, cv2.LINE_AA)
    return drawn


def spoiled(image: np.ndarray) -> dict[str, np.ndarray]:
    """The scene as the operations would meet it."""
    noise = np.random.default_rng(0).normal(0, NOISE_SD, image.shape)
    specks = image.copy()
    places = np.random.default_rng(1).random(image.shape[:2])
    specks[places < 0.02], specks[places > 0.98] = 0, 255
    return {
        "scene": image,
        "noise 20": np.clip(image + noise, 0, 255).astype(np.uint8),
        "specks": specks,
        "dull": (90 + image * 0.25).astype(np.uint8),
        "warm light": np.clip(image * np.array([1.1, 0.9, 0.55]), 0, 255).astype(np.uint8),
        "blurred": cv2.GaussianBlur(image, (0, 0), 1.5),
    }


def cells() -> list[tuple[str, np.ndarray]]:
    """Captions and pictures, row by row: first what goes in, then what comes out."""
    inputs = spoiled(scene())

    def done(source: str, kind: str, **values: Any) -> np.ndarray:
        return apply_all(inputs[source], [KINDS[kind].settings(**values)])

    def shaped(**values: Any) -> np.ndarray:
        part = inputs["scene"][20:92]
        return resize(part, ResizeSettings(width_px=SIDE_PX, height_px=SIDE_PX, **values), "5eed")

    white: Mapping[str, Any] = {"fill_levels": (255, 255, 255)}
    names = ("gaussian", "bilateral", "tv_chambolle", "wavelet", "nlm")
    return [
        ("noise 20", inputs["noise 20"]),
        *((name, done("noise 20", "denoise", method=name, noise_sd=NOISE_SD)) for name in names),
        ("specks", inputs["specks"]),
        ("median", done("specks", "denoise", method="median")),
        ("open", done("specks", "denoise", method="open")),
        ("blurred", inputs["blurred"]),
        ("sharpen", done("blurred", "sharpen", amount=2.0, radius_px=1.5)),
        ("scene", inputs["scene"]),
        ("dull", inputs["dull"]),
        ("equalise", done("dull", "equalise")),
        ("clahe", done("dull", "clahe", tiles=4, clip_limit=4)),
        ("clip, stretch", done("dull", "clip_percentiles", stretch=True)),
        ("gamma 0.5", done("scene", "gamma", gamma=0.5)),
        ("gamma 2", done("scene", "gamma", gamma=2.0)),
        ("warm light", inputs["warm light"]),
        ("shades_of_grey", done("warm light", "colour_constancy", method="shades_of_grey")),
        ("white_patch", done("warm light", "colour_constancy", method="white_patch")),
        ("threshold", done("scene", "threshold", **white)),
        ("background plain", done("noise 20", "remove_background", tolerance_levels=80, **white)),
        ("grabcut", done("noise 20", "remove_background", method="grabcut", tolerance_levels=80, **white)),
        ("pad", shaped(mode="pad")),
        ("pad, reflect", shaped(mode="pad", border="reflect")),
        ("pad, edge", shaped(mode="pad", border="edge")),
        ("crop", shaped(mode="crop")),
        ("random_crop", shaped(mode="random_crop", crop_share=0.8)),
        ("stretch", shaped(mode="stretch")),
    ]


def captioned(caption: str, image: np.ndarray) -> np.ndarray:
    """The picture below its caption, a gap around it."""
    canvas = np.full((SIDE_PX + CAPTION_PX + GAP_PX, SIDE_PX + GAP_PX, 3), 255, np.uint8)
    canvas[CAPTION_PX : CAPTION_PX + SIDE_PX, :SIDE_PX] = image
    cv2.putText(canvas, caption, (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
    return canvas


def main(out: Path) -> None:
    """All cells in one picture."""
    pictures = [captioned(caption, image) for caption, image in cells()]
    rows = [np.concatenate(pictures[start : start + COLUMNS], axis=1) for start in range(0, len(pictures), COLUMNS)]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(encode_image(np.concatenate(rows, axis=0), "jpeg", jpeg_quality=75))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
