"""What the server says of itself."""

from __future__ import annotations

from flyball.api.mlflow.answers import Json, Plain
from flyball.api.mlflow.call import Call
from flyball.api.mlflow.reading import Nothing

SPOKEN = "3.17.0"
"""The newest MLflow whose classic endpoints all have an answer here."""


def server_info(call: Call, asked: Nothing) -> Json:
    """What this server can, in MLflow's words."""
    del call, asked
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": True,
        "multipart_downloads_enabled": False,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "features_enabled": {"gateway": False},
    }


def health(call: Call, asked: Nothing) -> Plain:
    """The process lives."""
    del call, asked
    return Plain("OK")


def version(call: Call, asked: Nothing) -> Plain:
    """The version of MLflow whose words these are."""
    del call, asked
    return Plain(SPOKEN)
