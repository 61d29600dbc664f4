"""Sources, datasets and versions, contracts, quarantine, labels: rows with two times, and what was known when."""

from flyball.data.declared.files import FileSource, files
from flyball.data.history import as_of, join_histories, known_until
from flyball.data.labels import label_history, labels_as_of
from flyball.data.model import Columns, Dataset, DatasetVersion, Join, Label, label
from flyball.data.prediction import late_keys, prediction_rows

__all__ = [
    "Columns",
    "Dataset",
    "DatasetVersion",
    "FileSource",
    "Join",
    "Label",
    "as_of",
    "files",
    "join_histories",
    "known_until",
    "label",
    "label_history",
    "labels_as_of",
    "late_keys",
    "prediction_rows",
]
