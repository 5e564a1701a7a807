"""Which URL is asked for next, so that no server gets more than its share of connections and requests."""

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from datasets.sources.downloads.urls import WebUrl

DOWN_AFTER = 8


@dataclass(frozen=True, slots=True)
class Job:
    """One URL on its way. `url` is what is asked for next: after redirects no longer `start`."""

    key: int
    start: WebUrl
    url: WebUrl
    attempt: int = 1
    redirects: int = 0
    spent_s: float = 0

    def redirected(self, url: WebUrl, seconds: float) -> "Job":
        """The same attempt, which took so long already, at another URL."""
        return replace(self, url=url, redirects=self.redirects + 1, spent_s=self.spent_s + seconds)

    def again(self) -> "Job":
        """The next attempt, from the start."""
        return Job(self.key, self.start, self.start, self.attempt + 1)


@dataclass(slots=True)
class _Host:
    """One server: jobs by the time from which they may begin, and how it is doing.

    `turn` is its valid entry among the hosts that are looked at; None where it must not begin a job now.
    """

    name: str
    jobs: list[tuple[float, int, Job]] = field(default_factory=list)
    active: int = 0
    free_at: float = 0
    turn: tuple[float, int] | None = None
    failures: int = 0


class Schedule:
    """Jobs of many hosts; any number of threads take them. Hosts that may begin a job take turns."""

    def __init__(
        self,
        max_active_per_host: int,
        max_per_host_per_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_active = max_active_per_host
        self._gap_s = 1 / max_per_host_per_s if max_per_host_per_s else 0.0
        self._clock = clock
        self._hosts: dict[str, _Host] = {}
        self._ready: list[tuple[float, int, _Host]] = []
        self._numbers = count()
        self._changed = threading.Condition()
        self._closed = False

    def add(self, job: Job, wait_s: float = 0) -> None:
        """To begin in `wait_s` seconds at the earliest."""
        with self._changed:
            host = self._hosts.setdefault(job.url.host, _Host(job.url.host))
            begin = self._clock() + wait_s if wait_s else 0.0
            heapq.heappush(host.jobs, (begin, next(self._numbers), job))
            self._list(host)

    def take(self, *, wait: bool = True) -> Job | None:
        """The next job, as soon as there is one; its host has one place less until `release`. None: closed.

        Without `wait` also None where no job may begin now.
        """
        with self._changed:
            while not self._closed:
                wait_s = self._wait_s()
                if wait_s is not None and wait_s <= 0:
                    return self._taken()
                if not wait:
                    return None
                self._changed.wait(wait_s)
            return None

    def release(self, job: Job) -> None:
        """A job that was taken is done with its host for now."""
        with self._changed:
            host = self._hosts[job.url.host]
            host.active -= 1
            self._list(host)
            if not (host.jobs or host.active or host.failures >= DOWN_AFTER or host.free_at > self._clock()):
                del self._hosts[host.name]

    def pause(self, job: Job, seconds: float) -> None:
        """Begin no job of the same host for so long."""
        with self._changed:
            host = self._hosts[job.url.host]
            host.free_at = max(host.free_at, self._clock() + seconds)

    def note_answer(self, job: Job, answered: bool) -> None:
        """Whether the host gave any answer; after DOWN_AFTER jobs in a row without one it counts as down."""
        with self._changed:
            host = self._hosts[job.url.host]
            host.failures = 0 if answered else host.failures + 1

    def is_down(self, job: Job) -> bool:
        """Whether its host gave up answering."""
        with self._changed:
            return self._hosts[job.url.host].failures >= DOWN_AFTER

    def close(self) -> None:
        """No more jobs: all threads that wait for one, go on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _list(self, host: _Host) -> None:
        """Put a host that may begin a job among those that are looked at; earlier than before, if that is so now."""
        if not host.jobs or host.active >= self._max_active:
            return
        # Not earlier than now: after each job its host goes behind those that wait already.
        begin = max(host.free_at, host.jobs[0][0], self._clock())
        if host.turn is None or begin < host.turn[0]:
            host.turn = (begin, next(self._numbers))
            heapq.heappush(self._ready, (*host.turn, host))
            self._changed.notify()

    def _wait_s(self) -> float | None:
        """Seconds until the first host may begin; None when there is none."""
        while self._ready:
            begin, number, host = self._ready[0]
            if host.turn == (begin, number) and host.free_at <= begin:
                return begin - self._clock()
            heapq.heappop(self._ready)
            if host.turn == (begin, number):
                # The host was told to wait after it was listed.
                host.turn = None
                self._list(host)
        return None

    def _taken(self) -> Job:
        _, _, host = heapq.heappop(self._ready)
        _, _, job = heapq.heappop(host.jobs)
        host.turn = None
        host.active += 1
        if self._gap_s:
            host.free_at = max(host.free_at, self._clock()) + self._gap_s
        self._list(host)
        return job
