"""Saves that wait for the disk are stored together: one write for all, each told when it is done."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from stagemix.codes.store import CodeStore


class Writer:
    """The one thread that stores codes while people code; waiting for the disk is most of a save."""

    def __init__(self, store: CodeStore) -> None:
        self._store = store
        self._waiting: deque[tuple[Callable[[], None], Future[None]]] = deque()
        # SQLite has one writer at a time: more threads would only wait for each other
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")

    def submit(self, task: Callable[[], None]) -> Future[None]:
        """Have TASK look up and append codes; the future is done when they are on disk.

        Tasks run one after the other, in the order they came. A task that raises stores nothing if it
        raises before it appends; the future has its exception. Where the disk fails, every task that
        was stored together with it has the DataError, and none of their codes are stored.
        """
        done: Future[None] = Future()
        self._waiting.append((task, done))
        self._thread.submit(self._store_waiting)
        return done

    def close(self) -> None:
        """Store what waits, and end."""
        self._thread.shutdown()

    def _store_waiting(self) -> None:
        group = [self._waiting.popleft() for _ in range(len(self._waiting))]
        group = [(task, done) for task, done in group if done.set_running_or_notify_cancel()]
        if not group:
            return
        errors = self._errors_of([task for task, _ in group])
        for (_, done), error in zip(group, errors, strict=True):
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

    def _errors_of(self, tasks: list[Callable[[], None]]) -> list[Exception | None]:
        try:
            with self._store.together():
                return [_error_of(task) for task in tasks]
        except Exception as error:  # whatever it is, nobody may be left waiting
            return [error] * len(tasks)


def _error_of(task: Callable[[], None]) -> Exception | None:
    try:
        task()
    except Exception as error:
        return error
    return None
