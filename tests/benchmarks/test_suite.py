"""The list of benchmarks agrees with the modules, with the pages that name them, and with the README beside them."""

import re
from pathlib import Path

import pytest

from benchmarks.suite import NO_DATA, SUITE, Benchmark, chosen
from datasets.errors import BadInput

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
NAMED = re.compile(r"python -m benchmarks\.(\w+)")
HELPERS = {"compare", "generator_table"}  # they measure nothing


@pytest.mark.parametrize("benchmark", SUITE, ids=lambda benchmark: benchmark.name)
def test_its_page_and_the_readme_say_how_to_run_it(benchmark):
    assert (ROOT / "benchmarks" / f"{benchmark.module}.py").is_file()
    assert benchmark.module in NAMED.findall((ROOT / "docs" / benchmark.page).read_text(encoding="utf-8"))
    assert f"| `{benchmark.module}.py` |" in (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_in_the_suite(page):
    assert set(NAMED.findall(page.read_text(encoding="utf-8"))) <= {entry.module for entry in SUITE} | HELPERS


def test_names_are_unique_and_what_is_needed_comes_before():
    names = [benchmark.name for benchmark in SUITE]
    assert len(set(names)) == len(names)
    for place, benchmark in enumerate(SUITE):
        assert set(benchmark.after) <= set(names[:place])


def test_chosen_ones_bring_what_they_need():
    assert [benchmark.name for benchmark in chosen(["prefect_share"])] == ["demo", "prefect_share"]
    assert list(chosen([])) == list(SUITE)
    with pytest.raises(BadInput, match="no benchmark is named fast; there are listing, "):
        chosen(["fast"])


def test_folders_take_the_place_of_their_names(tmp_path):
    benchmark = Benchmark("b", "module DATA/ --out SCRATCH/a/b other/DATA", "any.md")
    places = {"DATA": tmp_path / "data", "SCRATCH": tmp_path}
    assert benchmark.words(places) == ["module", str(tmp_path / "data"), "--out", str(tmp_path / "a/b"), "other/DATA"]


def test_what_is_left_out_says_why(tmp_path):
    data = {"DATA": tmp_path}
    needing = Benchmark("b", "module DATA/x", "any.md")
    assert needing.fitting({}, is_long=True) == NO_DATA
    assert needing.fitting(data, is_long=False).command == "module DATA/x"
    assert Benchmark("b", "m", "any.md", is_long=True).fitting(data, is_long=False) == "it takes long; LONG=1 runs it"
    assert Benchmark("b", "m", "any.md", apart="no").fitting(data, is_long=True) == "no"


def test_a_long_run_does_more_where_it_can(tmp_path):
    benchmark = Benchmark("b", "m 1", "any.md", long="m 1 DATA/")
    runs = [({"DATA": tmp_path}, True), ({"DATA": tmp_path}, False), ({}, True)]
    assert [benchmark.fitting(places, is_long=long).command for places, long in runs] == ["m 1 DATA/", "m 1", "m 1"]


def test_peers_that_are_there_are_compared_with(tmp_path):
    (tmp_path / "there" / "bin").mkdir(parents=True)
    (tmp_path / "there" / "bin" / "python").touch()
    benchmark = Benchmark("b", "m", "any.md", peers=("there", "missing"))
    found = benchmark.fitting({"PEERS": tmp_path}, is_long=False)
    assert found.command == "m --there PEERS/there/bin/python"
    assert benchmark.fitting({}, is_long=False).command == "m"
