"""The stages of `augment-dataset`, in a process of their own that a test can see killed. It ends as the command does.

Arguments: settings file, name of the last stage to run.
"""

import sys
from pathlib import Path

from flows.command_line import main
from flows.settings import load_settings
from tasks.run import Observer, Run, SilentObserver
from tasks.stage import workspace_lock
from tasks.stages import FLOWS

STAGES = FLOWS["augment-dataset"]
NAMES = [stage.name for stage in STAGES]


def run(settings_file: Path, last: str = NAMES[-1], observer: Observer | None = None) -> Run:
    """As the flow does it, without Prefect: the results of all stages up to one."""
    settings = load_settings(settings_file, {})
    with workspace_lock(settings.place):
        made = Run(
            flow="augment-dataset",
            settings=settings,
            place=settings.place,
            observer=observer or SilentObserver(),
        )
        try:
            made.run_stages(STAGES[: NAMES.index(last) + 1])
        except BaseException as error:
            made.finish(error)
            raise
        made.finish(None)
    return made


if __name__ == "__main__":
    main(lambda standalone_mode: int(not run(Path(sys.argv[1]), sys.argv[2])))
