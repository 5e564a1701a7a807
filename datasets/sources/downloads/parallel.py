"""Many downloads at the same time: threads, retries, and outcomes as they come."""

import hashlib
import queue
import threading
import time
from collections.abc import Generator, Iterable
from typing import Any

from datasets.errors import BadInput
from datasets.sources.downloads.blobs import Blobs
from datasets.sources.downloads.download import Downloader, Redirected, Saved
from datasets.sources.downloads.network import Resolver, system_resolver
from datasets.sources.downloads.outcomes import DOWNLOADED, Failed, Outcome
from datasets.sources.downloads.schedule import DOWN_AFTER, Job, Schedule
from datasets.sources.downloads.settings import DownloadSettings
from datasets.sources.downloads.urls import Wanted

MAX_WAITING = 4096
MAX_BATCH = 256
MAX_BACKOFF_S = 60.0
STOP_S = 2.0
HOPELESS_AFTER_HOSTS = 20
_WITHOUT_AN_ANSWER = ("no_answer", "host_down")


def download_all(
    wanted: Iterable[Wanted],
    settings: DownloadSettings,
    blobs: Blobs,
    *,
    may_all_fail: bool = False,
    resolver: Resolver = system_resolver,
) -> Generator[list[Outcome], None, None]:
    """One outcome for every URL, in lists as they come. Holds a few thousand URLs at a time.

    Raises BadInput when no server answers at all (unless `may_all_fail`); OSError when bytes cannot be written.
    Stops all downloads when it is closed.
    """
    crew = _Crew(settings, blobs, resolver)
    reached = _Reached(may_all_fail)
    urls = iter(wanted)
    waiting = 0
    try:
        while True:
            while waiting < MAX_WAITING and (one := next(urls, None)) is not None:
                crew.schedule.add(Job(one.key, one.url, one.url))
                waiting += 1
            if not waiting:
                break
            ended = crew.ended()
            waiting -= len(ended)
            reached.note(ended)
            yield [outcome for _, outcome in ended]
        reached.check(hosts=1)
    finally:
        crew.stop()


class _Crew:
    """The threads, what they work on, and what came of it."""

    def __init__(self, settings: DownloadSettings, blobs: Blobs, resolver: Resolver) -> None:
        self.schedule = Schedule(settings.max_connections_per_host, settings.max_requests_per_host_per_s)
        self._settings = settings
        self._downloader = Downloader(settings, blobs, resolver)
        self._ended: queue.SimpleQueue[tuple[Job, Outcome] | BaseException] = queue.SimpleQueue()
        # Daemons: a thread that waits for a name server, which nothing can interrupt, must not hold up the exit.
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(settings.max_connections)]
        for thread in self._threads:
            thread.start()

    def ended(self) -> list[tuple[Job, Outcome]]:
        """What ended since the last call; waits for at least one. Raises what a thread died of."""
        batch = [self._ended.get()]
        while len(batch) < MAX_BATCH and not self._ended.empty():
            batch.append(self._ended.get())
        ended = []
        for one in batch:
            if isinstance(one, BaseException):
                raise one
            ended.append(one)
        return ended

    def stop(self) -> None:
        """End all threads; those that cannot be interrupted are left to themselves after a moment."""
        self.schedule.close()
        self._downloader.close()
        until = time.monotonic() + STOP_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        try:
            while (job := self.schedule.take()) is not None:
                outcome = self._handled(job)
                self.schedule.release(job)
                if outcome is not None:
                    self._ended.put((job, outcome))
        except BaseException as error:  # handed to the thread that waits for outcomes
            self._ended.put(error)

    def _handled(self, job: Job) -> Outcome | None:
        """What came of a job; None when it waits for its next step."""
        if self.schedule.is_down(job):
            detail = f"its server {job.url.host} did not answer {DOWN_AFTER} downloads in a row"
            return _outcome(job, code="host_down", detail=detail, attempts=job.attempt - 1)
        began = time.monotonic()
        try:
            if job.redirects > self._settings.max_redirects:
                raise Failed("too_many_redirects", f"more than {self._settings.max_redirects} redirects")
            step = self._downloader.attempt(job.url, self._settings.total_timeout_s - job.spent_s)
        except Failed as failure:
            return self._failed(job, failure)
        self.schedule.note_answer(job, answered=True)
        if isinstance(step, Redirected):
            self.schedule.add(job.redirected(step.url, time.monotonic() - began))
            return None
        return _downloaded(job, step)

    def _failed(self, job: Job, failure: Failed) -> Outcome | None:
        """None when it is tried again."""
        if failure.passing and job.attempt <= self._settings.retries:
            wait_s = self._wait_s(job, failure)
            if wait_s is not None:
                if failure.wait_s is not None:
                    self.schedule.pause(job, wait_s)
                self.schedule.add(job.again(), wait_s)
                return None
        self.schedule.note_answer(job, answered=failure.code not in _WITHOUT_AN_ANSWER)
        times = f"; {_attempts(job.attempt)}" if failure.passing else ""
        return _outcome(job, code=failure.code, detail=failure.detail + times, status=failure.status)

    def _wait_s(self, job: Job, failure: Failed) -> float | None:
        """Before the next attempt; None when the server asks for more patience than is allowed."""
        if failure.wait_s is not None:
            return failure.wait_s if failure.wait_s <= self._settings.max_retry_after_s else None
        return backoff_s(self._settings.backoff_s, job.key, job.attempt)


class _Reached:
    """Whether any server answered: where none of many does, the fault is on our side."""

    def __init__(self, may_all_fail: bool) -> None:
        self._any = may_all_fail
        self._silent: set[str] = set()
        self._last = ""

    def note(self, ended: list[tuple[Job, Outcome]]) -> None:
        """Raises BadInput as soon as it is hopeless."""
        for job, outcome in ended:
            if outcome.code in _WITHOUT_AN_ANSWER:
                self._silent.add(job.start.host)
                self._last = outcome.detail or ""
            else:
                self._any = True
            if self._any:
                return
        self.check(HOPELESS_AFTER_HOSTS)

    def check(self, hosts: int) -> None:
        """Raises BadInput when so many servers or more, and all that were asked, gave no answer."""
        if self._any or len(self._silent) < hosts:
            return
        raise BadInput(
            f"no server answered, of {len(self._silent)} that were asked (the last: {self._last}); check the network "
            "of this machine (proxies from the environment are not used) and run again"
        )


def backoff_s(longest_s: float, key: int, attempt: int) -> float:
    """A random part of `longest_s` doubled with every attempt, the same for the same key and attempt."""
    number = int.from_bytes(hashlib.sha256(f"back-off {key} {attempt}".encode()).digest()[:4], "big")
    return min(MAX_BACKOFF_S, longest_s * 2 ** (attempt - 1)) * number / (1 << 32)


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def _downloaded(job: Job, saved: Saved) -> Outcome:
    return _outcome(
        job, code=DOWNLOADED, status=200, size_bytes=saved.size_bytes, sha256=saved.sha256, robots=saved.robots
    )


def _outcome(job: Job, **known: Any) -> Outcome:
    final_url = job.url.shown if job.redirects else None
    return Outcome(key=job.key, url=job.start.shown, final_url=final_url, **{"attempts": job.attempt} | known)
