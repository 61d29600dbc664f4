"""The MLflow REST protocol, for the stock client: experiments, runs, metrics, models and artifacts.

It knows protobuf's JSON form, MLflow's paths, error codes and limits of requests; what is kept, and how, the rooms below know.
"""

from flyball.api.mlflow.call import Services
from flyball.api.mlflow.door import Hands, MlflowDoor
from flyball.api.mlflow.mounting import mlflow_door

__all__ = ["Hands", "MlflowDoor", "Services", "mlflow_door"]
