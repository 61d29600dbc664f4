"""Steps that run once per code, parameters and inputs, wherever their function may run."""

from flyball.pipelines.errors import StepFailedError, StepFunctionError, StepTimeoutError
from flyball.pipelines.executor import Executor, Work
from flyball.pipelines.inline import InlineExecutor
from flyball.pipelines.model import Manifest, Step, StepResult, StepTask
from flyball.pipelines.pool import ExecutorPool
from flyball.pipelines.process import ProcessExecutor
from flyball.pipelines.runner import StepRunner
from flyball.pipelines.store import StepCache

__all__ = [
    "Executor",
    "ExecutorPool",
    "InlineExecutor",
    "Manifest",
    "ProcessExecutor",
    "Step",
    "StepCache",
    "StepFailedError",
    "StepFunctionError",
    "StepResult",
    "StepRunner",
    "StepTask",
    "StepTimeoutError",
    "Work",
]
