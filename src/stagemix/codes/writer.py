"""Saves that wait for the disk are stored together: one write for all, each told when it is done."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from stagemix.codes.store import CodeStore

P = ParamSpec("P")
T = TypeVar("T")


class Writer(Executor):
    """The one thread that stores codes while people code; most of a save is waiting for the disk.

    Its tasks look up and append codes of STORE. They run one after the other, in the order they
    came, and a future is done when all that its task appended is on disk. A task that raises
    should do so before it appends; its future has the exception. Where the disk fails, every task
    that was to be stored in the same write has the DataError, and none of their codes are stored.
    """

    def __init__(self, store: CodeStore) -> None:
        self._store = store
        self._waiting: list[tuple[Callable[[], Any], Future[Any]]] = []
        self._lock = threading.Lock()
        # SQLite has one writer at a time: more threads would only wait for each other
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a task run; the future is done when what it appended is on disk."""
        done: Future[T] = Future()
        with self._lock:
            awake = bool(self._waiting)
            self._waiting.append((partial(fn, *args, **kwargs), done))
        if not awake:
            self._thread.submit(self._store_waiting)
        return done

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Store what waits, or with CANCEL_FUTURES give it up, and end."""
        with self._lock:
            for _, done in self._waiting if cancel_futures else ():
                done.cancel()
        self._thread.shutdown(wait)

    def _store_waiting(self) -> None:
        while taken := self._taken():
            # those whose sender has left are not begun
            group = [(task, done) for task, done in taken if done.set_running_or_notify_cancel()]
            results = self._results_of([task for task, _ in group]) if group else []
            for (_, done), (result, error) in zip(group, results, strict=True):
                if error is None:
                    done.set_result(result)
                else:
                    done.set_exception(error)

    def _taken(self) -> list[tuple[Callable[[], Any], Future[Any]]]:
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken

    def _results_of(self, tasks: list[Callable[[], Any]]) -> list[tuple[Any, Exception | None]]:
        try:
            with self._store.together():
                return [_result_of(task) for task in tasks]
        except Exception as error:  # whatever it is, nobody may be left waiting
            return [(None, error)] * len(tasks)


def _result_of(task: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return task(), None
    except Exception as error:
        return None, error
