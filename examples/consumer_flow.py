"""A Prefect flow that somebody who uses the data sets might have; prefect.yaml starts it when a version appears."""

import subprocess
import sys

from prefect import flow


@flow(log_prints=True)
def measure_new_version(real: str, synthetic: str) -> None:
    """What the synthetic images are worth; its log has the table.

    Args:
        real: folder of the real data set
        synthetic: folder of the new version of the synthetic one
    """
    command = [sys.executable, "examples/downstream_classifier.py", real, synthetic]
    print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == "__main__":
    measure_new_version(*sys.argv[1:])
