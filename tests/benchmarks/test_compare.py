"""What `make bench-compare` says of two results."""

import pytest

from benchmarks.compare import main
from benchmarks.machine import Machine
from benchmarks.results import write_result
from benchmarks.tables import Table
from tests.benchmarks.results_of import COSTS, measured, result

SLOWER = Table(
    title="costs", columns=("files", "CPU s"), rows=(("1,000", "2.1"), ("100,000", "300"), ("10,000", "31.0"))
)


@pytest.fixture
def compared(tmp_path, capsys):
    def run(older, newer, *options):
        paths = [tmp_path / "older.json", tmp_path / "newer.json"]
        for path, one in zip(paths, (older, newer), strict=True):
            write_result(one, path)
        code = main([*map(str, paths), *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_figures_beyond_the_threshold_are_listed(compared):
    code, text, _ = compared(result(), result(measured(cpu_s=45.0, load_before=6.0, tables=(SLOWER,))))
    assert code == 0
    assert "| listing | 30.0 | 45.0 | 1.50 | 200.0 | 200.0 | 1.5 | 4.0 | 1 of 2 |" in text
    assert "- unlike loads, which change CPU times by tens of per cent: listing (1.5, then 4.0)\n" in text
    assert "## listing: beyond 15%\n\n| table | row | column | before | now | times |" in text
    assert "| costs | 10,000 | CPU s | 20.0 | 31.0 | 1.55 |" in text
    assert "listing, only now: row “100,000” of “costs”." in text
    assert "2.1" not in text


def test_a_higher_threshold_lists_less(compared):
    _, text, _ = compared(result(), result(measured(tables=(SLOWER,))), "--threshold", "0.6")
    assert "| 31.0 |" not in text
    assert text.rstrip().endswith("All other figures are within 60%.")


def test_circumstances_are_said(compared):
    newer = result(
        measured("listing", command="python -m benchmarks.listing 5"),
        measured("reading", state="left out"),
        measured("demo"),
        complete=False,
        commit="def",
        versions={"numpy": "2.5"},
    )
    _, text, _ = compared(result(), newer)
    assert "- code: abc, then def" in text
    assert "- numpy: 2.4, then 2.5" in text
    assert "- now, the run was not complete: it was stopped, or goes on" in text
    assert "- listing: `python -m benchmarks.listing`, then `python -m benchmarks.listing 5`" in text
    assert "- only now: demo" in text
    assert "reading" not in text


def test_unlike_machines_are_compared_only_when_told_to(compared):
    other = result(machine=Machine(processor="another", cores=8, memory_gib=64))
    code, text, said = compared(result(), other)
    assert (code, text) == (2, "")
    assert "older.json is of 2 cores (a processor), 24 GiB" in said
    assert "newer.json of 8 cores (another), 64 GiB, so their figures cannot be compared; --anyway does it" in said
    code, text, _ = compared(result(), other, "--anyway")
    assert code == 0
    assert "- **unlike machines**: 2 cores (a processor), 24 GiB, then 8 cores (another), 64 GiB" in text


def test_results_without_a_benchmark_in_common(compared):
    code, _, said = compared(result(), result(measured("demo")))
    assert code == 2
    assert said.endswith("have no benchmark in common; name two results that have\n")


def test_one_result_is_too_few(capsys):
    assert main(["one.json"]) == 2
    assert capsys.readouterr().err == "error: 1 results are named; name two, the older one first, or none\n"


def test_the_last_two_of_a_folder(tmp_path, capsys):
    assert main(["--folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path} holds no results; run `make bench` twice to compare\n"
    for name in ("20261121T180000Z", "20261122T180000Z"):
        write_result(result(), tmp_path / f"{name}.json")
    assert main(["--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("# From 20261121T180000Z.json to 20261122T180000Z.json\n")


def test_what_got_worse_sets_the_exit_code(compared):
    slower, failed = measured(cpu_s=60.0), measured(state="failed", exit_code=1, reason="Traceback\nOSError: gone\n")
    assert compared(result(), result(slower))[0] == 0
    code, text, _ = compared(result(), result(slower), "--fail-above", "1.5")
    assert code == 1
    assert "listing took 2.00 times the CPU time; 1.5 times is allowed" in text
    code, text, _ = compared(result(), result(failed))
    assert code == 1
    assert "listing failed: OSError: gone" in text
    assert "| 1 of 2, failed now |" not in text
    assert "0 of 2, failed now |" in text
    assert COSTS.title not in text.split("All other")[0].split("|---|")[-1]
