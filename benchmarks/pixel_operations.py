"""What pixel operations cost, what denoising gains on photographs with planted noise, and what scaled decoding changes.

    python -m benchmarks.pixel_operations PHOTOS --files 100 [--parts costs noise found decoding]

Prints the tables of docs/pixel-operations.md. PHOTOS is a folder of JPEG photographs, at any depth.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from tasks.imaging.decode import Decoded, DecodeLimits, decode
from tasks.imaging.measures import MEASURED_SIDES
from tasks.imaging.operations.channels import to_channels
from tasks.imaging.operations.denoise import NOISE_METHODS, DenoiseSettings, denoise
from tasks.imaging.operations.noise_level import noise_sd
from tasks.imaging.operations.registry import KINDS, apply_all
from tasks.imaging.operations.resize import ResizeSettings, resize, whole_sides

SIDE_PX = 256
NOISE_SDS = (5, 10, 20, 40)
CASES: tuple[tuple[str, dict[str, object]], ...] = (
    ("denoise", {"method": "auto", "auto_min_sd": 100.0}),
    ("denoise", {"method": "auto", "auto_min_sd": 0.5}),
    *(("denoise", {"method": name}) for name in ("gaussian", "median", "bilateral", "nlm")),
    *(("denoise", {"method": name}) for name in ("tv_chambolle", "tv_bregman", "wavelet", "open", "close")),
    ("sharpen", {}),
    ("equalise", {}),
    ("clahe", {}),
    ("gamma", {"gamma": 0.8}),
    ("clip_percentiles", {}),
    *(("colour_constancy", {"method": name}) for name in ("shades_of_grey", "grey_world", "white_patch")),
    *(("threshold", {"method": name}) for name in ("otsu", "triangle", "adaptive", "fixed")),
    *(("remove_background", {"method": name}) for name in ("plain", "grabcut")),
)


def main() -> None:
    """Measure the parts asked for and print their tables."""
    options = _options()
    files = sorted(path for path in options.photos.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    payloads = [path.read_bytes() for path in random.Random(0).sample(files, min(options.files, len(files)))]
    parts = {"costs": costs, "noise": noise, "found": found, "decoding": decoding}
    for name in options.parts:
        print(f"\n{name}\n" + "\n".join(parts[name](payloads)), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--parts", nargs="+", default=["costs", "noise", "found", "decoding"])
    return parser.parse_args()


def costs(payloads: Sequence[bytes]) -> list[str]:
    """Median CPU time of each operation on photographs of 256 x 256 pixels in colour."""
    images = prepared(payloads[:20], SIDE_PX)
    lines = ["| operation | CPU ms |", "|---|---|"]
    for kind, values in CASES:
        settings = KINDS[kind].settings(**values)
        cpu_ms = cost_ms(lambda image, settings=settings: apply_all(image, [settings]), images)
        lines.append(f"| `{kind}` {values} | {cpu_ms:.2f} |")
    return lines


def noise(payloads: Sequence[bytes]) -> list[str]:
    """What each method gains in PSNR on photographs with planted noise of known deviation, at 256 px."""
    clean = prepared(payloads[:20], SIDE_PX)
    lines = [f"| method | {' | '.join(f'noise {sd}' for sd in NOISE_SDS)} |", "|---" * (len(NOISE_SDS) + 1) + "|"]
    for method in ("auto", *NOISE_METHODS, "median"):
        gains = [gain_db(method, sd, clean) for sd in NOISE_SDS]
        lines.append(f"| `{method}` | {' | '.join(f'{gain:+.1f}' for gain in gains)} |")
    return lines


def gain_db(method: str, sd: float, clean: Sequence[np.ndarray]) -> float:
    """Mean gain in PSNR by a method that is told the deviation (auto is not)."""
    settings = DenoiseSettings(method=method, noise_sd=sd)
    pairs = [(image, noisy(image, sd, seed)) for seed, image in enumerate(clean)]
    return float(np.mean([cv2.PSNR(denoise(bad, settings), good) - cv2.PSNR(bad, good) for good, bad in pairs]))


def found(payloads: Sequence[bytes]) -> list[str]:
    """Noise that is estimated, and how many images `auto` would denoise, by side and planted noise."""
    least = DenoiseSettings().auto_min_sd
    lines = ["| side | planted | estimate: median (5 % to 95 %) | denoised |", "|---|---|---|---|"]
    for side_px in (28, 64, 128, 256):
        clean = prepared(payloads, side_px)
        for sd in (0, *NOISE_SDS):
            estimates = np.array([noise_sd(noisy(image, sd, seed)) for seed, image in enumerate(clean)])
            low, middle, high = np.quantile(estimates, (0.05, 0.5, 0.95))
            share = float((estimates >= least).mean())
            lines.append(f"| {side_px} | {sd} | {middle:.1f} ({low:.1f} to {high:.1f}) | {share:.0%} |")
    return lines


def decoding(payloads: Sequence[bytes]) -> list[str]:
    """Scaled beside full decoding: CPU time with resizing, and how near the prepared images are."""
    lines = [
        "| prepared | full decode, CPU ms | scaled decode, CPU ms | decoded smaller | PSNR median | least |",
        "|---|---|---|---|---|---|",
    ]
    for side_px in (64, 128, 256):
        shape = ResizeSettings(width_px=side_px, height_px=side_px)
        times: dict[bool, list[float]] = {True: [], False: []}
        psnrs = []
        for payload in payloads:
            exact, scaled = (timed(payload, shape, is_exact, times[is_exact]) for is_exact in (True, False))
            psnrs.append(cv2.PSNR(exact, scaled) if (exact != scaled).any() else np.inf)
        differ = int(np.isfinite(psnrs).sum())
        full_ms, scaled_ms = (median(times[is_exact]) for is_exact in (True, False))
        lines.append(
            f"| {side_px} px | {full_ms:.1f} | {scaled_ms:.1f} | {differ} of {len(payloads)} | "
            f"{median(psnrs):.1f} dB | {min(psnrs):.1f} dB |"
        )
    return lines


def timed(payload: bytes, shape: ResizeSettings, is_exact: bool, times_ms: list[float]) -> np.ndarray:
    """The prepared image; its CPU time goes into the list."""
    start = time.process_time_ns()
    decoded = decode(payload, DecodeLimits(), None if is_exact else shape.min_sides | MEASURED_SIDES)
    assert isinstance(decoded, Decoded)
    whole_px = whole_sides(decoded.image, decoded.width_px, decoded.height_px)
    image = resize(to_channels(decoded.image, 3), shape, whole_px=whole_px)
    times_ms.append((time.process_time_ns() - start) / 1e6)
    return image


def prepared(payloads: Sequence[bytes], side_px: int) -> list[np.ndarray]:
    """Photographs as uint8 [side_px, side_px, 3], the middle of each by area: as good as free of noise."""
    shape = ResizeSettings(width_px=side_px, height_px=side_px, mode="crop")
    decoded = [decode(payload, DecodeLimits(), None) for payload in payloads]
    return [resize(to_channels(entry.image, 3), shape) for entry in decoded if isinstance(entry, Decoded)]


def noisy(image: np.ndarray, sd: float, seed: int) -> np.ndarray:
    """uint8 [H, W, C] with white noise added."""
    noise = np.random.default_rng(seed).normal(0, sd, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def cost_ms(work: Callable[[np.ndarray], np.ndarray], images: Sequence[np.ndarray]) -> float:
    """Median CPU milliseconds of a call, the first ones (imports, tables) not counted."""
    work(images[0])
    times = []
    for image in images:
        start = time.process_time_ns()
        work(image)
        times.append((time.process_time_ns() - start) / 1e6)
    return median(times)


if __name__ == "__main__":
    main()
