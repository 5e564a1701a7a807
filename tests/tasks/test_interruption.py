"""Ctrl-C is found in whatever became of it."""

from tasks.interruption import interruption_in


def raised_while_handling(first, second, cause=None):
    """`second` as it is after having been raised while `first` was handled."""
    try:
        try:
            raise first
        except BaseException:
            raise second from cause
    except BaseException as error:
        return error


def test_an_interruption_is_found_in_itself():
    interrupted = KeyboardInterrupt()
    assert interruption_in(interrupted) is interrupted


def test_an_interruption_is_found_below_the_error_that_replaced_it():
    interrupted = KeyboardInterrupt()
    error = raised_while_handling(interrupted, ValueError("Task run is not set"))
    assert interruption_in(raised_while_handling(error, RuntimeError("the run failed"))) is interrupted


def test_an_interruption_is_found_below_a_stated_cause():
    interrupted = KeyboardInterrupt()
    assert interruption_in(raised_while_handling(ValueError(), RuntimeError(), cause=interrupted)) is interrupted


def test_an_error_alone_is_no_interruption():
    assert interruption_in(raised_while_handling(KeyError("a"), ValueError("b"))) is None
    assert interruption_in(None) is None


def test_errors_that_are_each_others_cause_end_the_search():
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert interruption_in(first) is None
