"""Files of strangers packed as one model of ours, in a process of its own: a library that reads a damaged file may end its process."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

from flyball.core.errors import InvalidError
from flyball.pipelines import Executor, StepFailedError, Work
from flyball.runtimes.errors import CodeNotAllowedError, MlmodelError, ModelFileError
from flyball.runtimes.model import Files
from flyball.runtimes.packing import Packed

STEP = "flyball.runtimes.packing:step"
TIMEOUT_SECONDS = 300.0


class PackRefusedError(InvalidError):
    """A model that cannot be packed; its words are those of the error of the code `because`, and `for_good` where no retry helps."""

    code = "pack-refused"

    def __init__(self, because: str, words: str) -> None:
        super().__init__(words)
        self.because = because
        self.for_good = because in {CodeNotAllowedError.code, MlmodelError.code, ModelFileError.code}


def pack_apart(files: Files, *, may_run_code: bool, executor: Executor) -> Packed:
    """What `runtimes.packing.pack` makes of the files.

    Raises:
        PackRefusedError: it refuses them.
        ModelFileError: reading them ended its process.
    """
    with tempfile.TemporaryDirectory(prefix="flyball-pack-") as place:
        outputs, given = Path(place) / "outputs", Path(place) / "files.zip"
        outputs.mkdir()
        given.write_bytes(_zipped(files))
        work = Work(
            step="pack", function=STEP, parameters={"may_run_code": may_run_code}, context={}, inputs={"files": str(given)},
            outputs=str(outputs), log=str(Path(place) / "log"),
        )  # fmt: skip
        try:
            told = executor.execute(work, TIMEOUT_SECONDS)
        except StepFailedError as error:
            raise ModelFileError("that was given", f"reading it failed: {error.reason.rstrip('.')}") from error
        if told["code"]:
            raise PackRefusedError(told["code"], told["words"])
        return Packed.parse((outputs / "packed.bin").read_bytes())


def _zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()
