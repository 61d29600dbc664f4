"""Steps that run once per code, parameters and inputs, wherever their function may run; the worker of durable jobs."""

from flyball.pipelines.confined import ConfinedExecutor
from flyball.pipelines.errors import JobAbandonedError, StepAbortedError, StepFailedError, StepFunctionError, StepTimeoutError
from flyball.pipelines.executor import Executor, Work
from flyball.pipelines.inline import InlineExecutor
from flyball.pipelines.jobs import JobWorker, Kind, Retry
from flyball.pipelines.model import Manifest, Step, StepResult, StepTask
from flyball.pipelines.pool import ExecutorPool
from flyball.pipelines.process import ProcessExecutor
from flyball.pipelines.runner import StepRunner
from flyball.pipelines.store import StepCache

__all__ = [
    "ConfinedExecutor",
    "Executor",
    "ExecutorPool",
    "InlineExecutor",
    "JobAbandonedError",
    "JobWorker",
    "Kind",
    "Manifest",
    "ProcessExecutor",
    "Retry",
    "Step",
    "StepAbortedError",
    "StepCache",
    "StepFailedError",
    "StepFunctionError",
    "StepResult",
    "StepRunner",
    "StepTask",
    "StepTimeoutError",
    "Work",
]
