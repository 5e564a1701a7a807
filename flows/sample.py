"""`augment-dataset sample`: images from the generator that lies beside a published synthetic version."""

from pathlib import Path

from datasets.errors import BadInput
from datasets.sources.settings import check_nameable
from flows.output import bar, console
from flows.quiet_tensorflow import import_tensorflow_quietly
from tasks.published_generator import Sampled, sample_as_published, sample_new

PER_CLASS, SEED = 10, 1


def sample_from(path: Path, per_class: int | None, seed: int | None, out: Path, *, as_published: bool) -> bool:
    """Write the images and say what made them; False where published ones came out otherwise. Raises BadInput.

    None: not given, PER_CLASS and SEED of new images.
    """
    given = [f"{name} {value}" for name, value in (("--per-class", per_class), ("--seed", seed)) if value is not None]
    if as_published and given:
        raise BadInput(
            f"got --as-published with {' and '.join(given)}; it makes all published images, from their own seed: leave "
            "out one or the other"
        )
    check_nameable(path, out)
    import_tensorflow_quietly()
    with bar("sampling", "images") as progress:
        made = (
            sample_as_published(path, out, progress)
            if as_published
            else sample_new(path, per_class or PER_CLASS, SEED if seed is None else seed, out, progress)
        )
    console().print(sentence(made, out), soft_wrap=True)
    return made.same in (None, made.images)


def sentence(made: Sampled, out: Path) -> str:
    """What was written, from what, and whether it is what was published."""
    what = (
        f"wrote {made.images} synthetic images into {out}, made by the generator of {made.name} {made.version} "
        f"(weights sha256 {made.weights_sha256[:12]}) with seed {made.seed}"
    )
    if made.same is None:
        return what
    return f"{what}; {made.same} of {made.images} have the bytes that were published"
