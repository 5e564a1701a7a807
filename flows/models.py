"""`augment-dataset models`: the families of networks, their size, their cost, and when to use which."""

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from datasets.errors import BadInput
from flows.output import bar, console
from flows.quiet_tensorflow import import_tensorflow_quietly
from flows.settings import load_settings
from gan.models.families import FAMILY_NAMES
from gan.models.spec import RESOLUTIONS_PX
from gan.settings import TrainingSettings

CHANNELS = (1, 3)


@dataclass(frozen=True, slots=True)
class Row:
    """One family. `cost` is milliseconds of CPU per step where `measured`, else multiply-accumulates per step."""

    name: str
    title: str
    when_to_use: str
    generator_parameters: int
    partner_parameters: int
    has_encoder: bool  # instead of a discriminator
    cost: float
    measured: bool


def show_models(
    resolution_px: int,
    channels: int,
    classes: int,
    *,
    measure: bool = False,
    settings_file: Path | None = None,
    partition: str | None = None,
) -> None:
    """Print a table of all families. Raises BadInput for a size that no network is built for."""
    if resolution_px not in RESOLUTIONS_PX:
        raise BadInput(f"--resolution is {resolution_px}; allowed are {', '.join(map(str, RESOLUTIONS_PX))}")
    if channels not in CHANNELS:
        raise BadInput(f"--channels is {channels}; allowed are {', '.join(map(str, CHANNELS))}")
    options = {"partition": partition}
    settings = TrainingSettings() if settings_file is None else load_settings(settings_file, options).train
    import_tensorflow_quietly()
    with bar("measuring" if measure else "building", "families") as progress:
        rows = []
        for done, name in enumerate(FAMILY_NAMES):
            progress(done, len(FAMILY_NAMES))
            rows.append(row_of(name, resolution_px, channels, classes, settings, measure=measure))
    out = console()
    out.print(_table(rows))
    for row in rows:
        out.print(f"{row.name}: {row.title}. {row.when_to_use}", soft_wrap=True)
    out.print(_about_cost(settings, measured=measure), soft_wrap=True)


def row_of(
    name: str, resolution_px: int, channels: int, classes: int, settings: TrainingSettings, *, measure: bool
) -> Row:
    """Build a family's networks and count; with `measure`, also run training steps for a second or two."""
    from gan.models.cost import parameters, step_estimate
    from gan.models.options import NORMALISED, NOT_SPECTRAL, WITH_ATTENTION
    from gan.models.registry import FAMILIES
    from gan.models.spec import ModelSpec, check_attention
    from gan.step_cost import step_cpu_ms

    family = FAMILIES[name]
    spec = ModelSpec(
        family=name,
        resolution_px=resolution_px,
        channels=channels,
        classes=classes,
        latent_size=settings.latent_size,
        width=settings.width,
        max_width=settings.max_width,
        spectral_normalisation=settings.spectral_normalisation and name not in NOT_SPECTRAL,
        normalisation=settings.normalisation if name in NORMALISED else "auto",
        attention_px=settings.attention_px if name in WITH_ATTENTION else None,
    )
    check_attention(spec)
    generator, partner = family.build_generator(spec, 0), family.build_partner(spec, 0)
    estimate = settings.batch_size * step_estimate(generator, partner)
    cost = step_cpu_ms(spec, settings) if measure else float(estimate)
    return Row(
        name=name,
        title=family.title,
        when_to_use=family.when_to_use,
        generator_parameters=parameters(generator),
        partner_parameters=parameters(partner),
        has_encoder=family.kind == "autoencoder",
        cost=cost,
        measured=measure,
    )


def _table(rows: list[Row]) -> Table:
    table = Table(title="Families of networks (train.model in the settings)", title_justify="left")
    cost = "CPU ms per step" if rows[0].measured else "estimated G multiply-adds per step"
    for column, justify in (("model", "left"), ("generator", "right"), ("discriminator", "right"), (cost, "right")):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        shown = f"{row.cost:,.1f}" if row.measured else f"{row.cost / 1e9:.2f}"
        mark = " (encoder)" if row.has_encoder else ""
        table.add_row(row.name, f"{row.generator_parameters:,}", f"{row.partner_parameters:,}{mark}", shown)
    return table


def _about_cost(settings: TrainingSettings, *, measured: bool) -> str:
    batch = f"Trained numbers of each network; a step is one of {settings.batch_size} images"
    if measured:
        return f"{batch}, measured here, now."
    return f"{batch}, estimated from the shapes of layers; --measure runs some instead."
