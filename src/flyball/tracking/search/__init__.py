"""Search in MLflow's grammar: filters and orders as values, page tokens, and the runs that match, fast."""

from flyball.tracking.search.clause import Clause, Entity, Field, Kind, Operator, Order
from flyball.tracking.search.filter import parse_filter
from flyball.tracking.search.order import model_order, parse_model_order, parse_order, total_order
from flyball.tracking.search.pagetoken import decode_token, encode_token, fingerprint

__all__ = [
    "Clause",
    "Entity",
    "Field",
    "Kind",
    "Operator",
    "Order",
    "decode_token",
    "encode_token",
    "fingerprint",
    "model_order",
    "parse_filter",
    "parse_model_order",
    "parse_order",
    "total_order",
]
