"""The benchmarks, in the order in which they run: their commands, what they need, and the pages with their tables."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import BadInput

NO_DATA = "it needs DATA, a folder with fashion-mnist/ and clothing/"


@dataclass(frozen=True)
class Benchmark:
    """`command`: module and arguments; DATA/, PEERS/ and SCRATCH/ at the start of an argument stand for folders.

    `page`: in docs/, with its tables. `long` takes the command's place in a long run. `peers`: environments below
    PEERS, each named as the option that takes its Python. `after`: benchmarks whose output it uses. `apart`: why it is
    no part of any run.
    """

    name: str
    command: str
    page: str
    long: str = ""
    peers: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    is_long: bool = False
    apart: str = ""

    @property
    def module(self) -> str:
        return self.command.split()[0]

    def fitting(self, places: Mapping[str, Path], *, is_long: bool) -> "Benchmark | str":
        """As it can be run here, with the peers that are there; or why it is left out."""
        if self.apart:
            return self.apart
        if self.is_long and not is_long:
            return "it takes long; LONG=1 runs it"
        fit = [words for words in (self.command, self.long) if words and ("DATA" in places or "DATA/" not in words)]
        if not fit:
            return NO_DATA
        command = fit[-1] if is_long else fit[0]
        there = [name for name in self.peers if "PEERS" in places and _python_of(places["PEERS"], name).exists()]
        options = "".join(f" --{name} PEERS/{name}/bin/python" for name in there)
        return Benchmark(self.name, command + options, self.page, peers=tuple(there))

    def words(self, places: Mapping[str, Path]) -> list[str]:
        """Module and arguments, with the folders as they are here."""
        return [_placed(word, places) for word in self.command.split()]


def _placed(word: str, places: Mapping[str, Path]) -> str:
    name, slash, rest = word.partition("/")
    return str(places[name] / rest) if slash and name in places else word


def _python_of(peers: Path, name: str) -> Path:
    return peers / name / "bin" / "python"


SUITE = (
    Benchmark("listing", "listing 10000 100000", "benchmarks.md", long="listing 10000 100000 1000000"),
    Benchmark("sources", "sources DATA/", "benchmarks.md"),
    Benchmark("single_operations", "single_operations DATA/clothing", "benchmarks.md"),
    Benchmark("augmentation", "augmentation --copies 200", "augmentation.md"),
    Benchmark("pixel_operations", "pixel_operations DATA/clothing --files 100", "pixel-operations.md"),
    Benchmark("reading", "reading DATA/", "reading.md"),
    Benchmark("damage_detection", "damage_detection DATA/clothing --files 100", "integrity.md"),
    Benchmark("torture_verdicts", "torture_verdicts DATA/torture", "integrity.md"),
    Benchmark(
        "duplicate_search",
        "duplicate_search 20000 100000",
        "integrity.md",
        long="duplicate_search 20000 100000 1000000 --edited-up-to 100000",
    ),
    Benchmark(
        "duplicate_recall",
        "duplicate_recall DATA/clothing --idx DATA/fashion-mnist/train-images-idx3-ubyte.gz --sheet SCRATCH/pairs.png",
        "integrity.md",
    ),
    Benchmark("growth_photos", "prepare_growth --photos DATA/clothing --no-augment 1000 10000", "benchmarks.md"),
    Benchmark("growth_idx", "prepare_growth --idx DATA/fashion-mnist --no-augment 10000 70000", "benchmarks.md"),
    Benchmark(
        "manifest_growth", "manifest_growth 10000 100000", "scaling.md", long="manifest_growth 10000 100000 1000000"
    ),
    Benchmark("training_loop", "training_loop", "gan.md"),
    Benchmark("family_cost", "family_cost", "models.md"),
    Benchmark("extractor_cost", "extractor_cost", "extractors.md"),
    Benchmark(
        "extractor_sensitivity",
        "extractor_sensitivity digits",
        "extractors.md",
        long="extractor_sensitivity digits turned clothes --idx DATA/fashion-mnist",
    ),
    Benchmark(
        "gate_evidence",
        "gate_evidence --digits",
        "gate-evidence.md",
        long="gate_evidence --digits --idx DATA/fashion-mnist --seeds 0 1 2",
    ),
    Benchmark(
        "gate_cost",
        "gate_cost --counts 10000 --sizes 64",
        "metrics.md",
        long="gate_cost --counts 10000 50000",
        peers=("torch",),
    ),
    Benchmark("demo", "demo_stages SCRATCH/demo", "benchmarks.md"),
    Benchmark("prefect_share", "prefect_share SCRATCH/demo/settings.yaml", "benchmarks.md", after=("demo",)),
    Benchmark(
        "check_cost",
        "check_cost DATA/clothing --repetitions 2",
        "integrity.md",
        peers=("cleanvision", "imagededup"),
    ),
    Benchmark("prepare_cost", "prepare_cost DATA/clothing --repetitions 2", "benchmarks.md", peers=("img2dataset",)),
    Benchmark(
        "generator_quality",
        "generator_quality SCRATCH/demo/published/digits/1.0.0 --out SCRATCH/generators --name conv --cpu-minutes 2.5",
        "benchmarks.md",
        after=("demo",),
        is_long=True,
    ),
    Benchmark("rare_classes", "rare_classes", "rare-classes.md", apart="it takes hours; its page says how to run it"),
    Benchmark("gpu", "gpu", "backends.md", apart="it needs a GPU; its page says how to run it"),
)


def chosen(only: Collection[str]) -> Iterator[Benchmark]:
    """All, or those named and what they need. Raises BadInput for a name that there is not."""
    names = [benchmark.name for benchmark in SUITE]
    unknown = sorted(set(only) - set(names))
    if unknown:
        raise BadInput(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(names)}")
    wanted = set(only) | {name for benchmark in SUITE if benchmark.name in only for name in benchmark.after}
    return (benchmark for benchmark in SUITE if not only or benchmark.name in wanted)
