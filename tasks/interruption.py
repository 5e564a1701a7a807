"""Whether an error is what became of Ctrl-C."""

__all__ = ["interruption_in"]


def interruption_in(error: BaseException | None) -> KeyboardInterrupt | None:
    """The KeyboardInterrupt that `error` is, or was raised while handling. None: neither.

    Prefect fails with an error of its own when it is interrupted before it has made a task run.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
