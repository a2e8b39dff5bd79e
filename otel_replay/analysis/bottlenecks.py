"""Which tasks took the time, by name and in two ways that differ where tasks run at the same time.

The *share of task time* of a name is the sum of the durations of its tasks over that of all tasks: work, as
if everything had been done one after the other. The *share of the run* is the time in which at least one
task of the name went on, over the duration of the run: what a person with a watch sees. Of two tasks side by
side for the whole run each has a half of the task time, and all of the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from otel_replay.analysis.bounded import OTHERS, entry

__all__ = ["BOTTLENECK_SHARE", "TaskTime", "TaskTimes"]

BOTTLENECK_SHARE = 0.3
"""What takes more than this share is called a bottleneck."""


@dataclass(slots=True, kw_only=True)
class TaskTime:
    """The tasks of one name: how many ended, the sum of their durations, the time in which any went on."""

    ended: int = 0
    total_ns: int = 0
    busy_ns: int = 0
    running: int = 0
    since_ns: int = 0


@dataclass(slots=True)
class TaskTimes:
    """Follows tasks as they begin and end, in order of time. Past 1,000 names the new ones share one."""

    names: dict[str, TaskTime] = field(default_factory=dict)

    def begin(self, name: str, time_ns: int) -> None:
        """A task begins."""
        task = entry(self.names, name, OTHERS, TaskTime)
        if task.running == 0:
            task.since_ns = time_ns
        task.running += 1

    def end(self, name: str, time_ns: int, duration_ns: int) -> None:
        """A task ends that has begun `duration_ns` ago."""
        self._stop(name, time_ns, duration_ns).ended += 1

    def still_open(self, name: str, time_ns: int, duration_ns: int) -> None:
        """A task goes on where the records stop: its time counts up to there."""
        self._stop(name, time_ns, duration_ns)

    def _stop(self, name: str, time_ns: int, duration_ns: int) -> TaskTime:
        task = entry(self.names, name, OTHERS, TaskTime)
        task.total_ns += max(0, duration_ns)
        if task.running:
            task.running -= 1
            if task.running == 0:
                task.busy_ns += max(0, time_ns - task.since_ns)
        return task

    @property
    def ended(self) -> int:
        """How many tasks have ended, each counted by itself."""
        return sum(task.ended for task in self.names.values())

    @property
    def total_ns(self) -> int:
        """The sum of all durations."""
        return sum(task.total_ns for task in self.names.values())

    def share_of_tasks(self, name: str) -> float:
        """The part of all task time that tasks of this name took."""
        total_ns = self.total_ns
        return self.names[name].total_ns / total_ns if total_ns else 0.0

    def share_of_run(self, name: str, run_ns: int) -> float:
        """The part of a run of `run_ns` in which at least one task of this name went on."""
        return self.names[name].busy_ns / run_ns if run_ns > 0 else 0.0

    def bottlenecks(self) -> list[str]:
        """The names with more than 30 % of all task time, in the order in which they first began."""
        limit = self.total_ns * BOTTLENECK_SHARE
        return [name for name, task in self.names.items() if task.total_ns > limit]
