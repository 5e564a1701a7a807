"""`models`: every family with its size and cost."""

import re

import pytest

from gan.models.families import FAMILY_NAMES


def rows(text: str) -> list[list[str]]:
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    return [row for row in cells if len(row) == 4]


def test_all_families_are_listed_with_size_and_estimated_cost(run_command):
    done = run_command("models", "--resolution", "16", "--channels", "1", "--classes", "0")
    assert done.returncode == 0, done.stderr
    listed = rows(done.stdout)
    assert [name for name, *_ in listed] == list(FAMILY_NAMES)
    assert all(re.fullmatch(r"[\d,]+", generator) and float(cost) > 0 for _, generator, _, cost in listed)
    assert [name for name, _, partner, _ in listed if partner.endswith("(encoder)")] == ["vae"]
    assert done.stdout.splitlines()[-1] == (
        "Trained numbers of each network; a step is one of 32 images, estimated from the shapes of layers; "
        "--measure runs some instead."
    )


@pytest.mark.parametrize(
    ("option", "value", "allowed"), [("resolution", "17", "16, 28, 32, 64, 128"), ("channels", "4", "1, 3")]
)
def test_a_size_that_no_network_is_built_for_is_refused(run_command, option, value, allowed):
    done = run_command("models", f"--{option}", value)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"bad input: --{option} is {value}; allowed are {allowed}\n"
