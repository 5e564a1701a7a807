from concurrent.futures import ThreadPoolExecutor

from datasets.sources.downloads.schedule import DOWN_AFTER, Job, Schedule
from datasets.sources.downloads.urls import WebUrl


class Clock:
    """Stands still unless told."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def job(key: int, host: str = "a.example") -> Job:
    url = WebUrl("http", host, 80, f"/{key}")
    return Job(key, url, url)


def taken(schedule: Schedule) -> Job | None:
    """The next job if one may begin now."""
    return schedule.take(wait=False)


def test_no_more_of_one_host_than_allowed():
    schedule = Schedule(2)
    for key in range(4):
        schedule.add(job(key))
    first, second = taken(schedule), taken(schedule)
    assert (first, second, taken(schedule)) == (job(0), job(1), None)
    schedule.release(first)
    assert taken(schedule) == job(2)


def test_hosts_take_turns():
    schedule = Schedule(4)
    for key, host in enumerate(["a.example"] * 4 + ["b.example"] * 2):
        schedule.add(job(key, host))
    assert [taken(schedule).key for _ in range(6)] == [0, 4, 1, 5, 2, 3]


def test_a_job_that_has_to_wait_lets_others_pass():
    clock = Clock()
    schedule = Schedule(4, clock=clock)
    schedule.add(job(0), wait_s=5)
    schedule.add(job(1))
    assert (taken(schedule), taken(schedule)) == (job(1), None)
    clock.now += 5
    assert taken(schedule) == job(0)


def test_a_host_that_pauses_begins_nothing_and_others_do():
    clock = Clock()
    schedule = Schedule(4, clock=clock)
    for key, host in enumerate(["a.example", "a.example", "b.example"]):
        schedule.add(job(key, host))
    first = taken(schedule)
    schedule.pause(first, 5)
    schedule.release(first)
    assert (taken(schedule), taken(schedule)) == (job(2, "b.example"), None)
    clock.now += 5
    assert taken(schedule) == job(1)


def test_so_many_requests_in_a_second():
    clock = Clock()
    schedule = Schedule(4, max_per_host_per_s=2, clock=clock)
    for key in range(2):
        schedule.add(job(key))
    assert (taken(schedule), taken(schedule)) == (job(0), None)
    clock.now += 0.5
    assert taken(schedule) == job(1)


def test_the_rate_holds_when_the_queue_ran_empty():
    clock = Clock()
    schedule = Schedule(4, max_per_host_per_s=2, clock=clock)
    schedule.add(job(0))
    schedule.release(taken(schedule))
    schedule.add(job(1))
    assert taken(schedule) is None


def test_a_host_is_down_after_failures_in_a_row():
    schedule = Schedule(100)
    for key in range(2 * DOWN_AFTER):
        schedule.add(job(key))
    jobs = [taken(schedule) for _ in range(2 * DOWN_AFTER)]
    for each in jobs[: DOWN_AFTER - 1]:
        schedule.note_answer(each, answered=False)
    assert not schedule.is_down(jobs[-1])
    schedule.note_answer(jobs[-1], answered=False)
    assert schedule.is_down(jobs[-1])
    schedule.note_answer(jobs[-1], answered=True)
    assert not schedule.is_down(jobs[-1])


def test_hosts_without_jobs_are_forgotten():
    schedule = Schedule(4)
    for key in range(100):
        schedule.add(job(key, f"{key}.example"))
        schedule.release(taken(schedule))
    assert not schedule._hosts


def test_threads_that_wait_go_on_when_it_is_closed():
    schedule = Schedule(4)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(schedule.take) for _ in range(2)]
        schedule.close()
        assert [future.result() for future in waiting] == [None, None]


def test_a_thread_that_waits_for_a_late_job_takes_an_early_one():
    schedule = Schedule(4)
    schedule.add(job(0), wait_s=600)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(schedule.take)
        schedule.add(job(1))
        assert waiting.result() == job(1)
