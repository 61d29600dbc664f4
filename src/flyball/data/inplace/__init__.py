"""Rows that stay in tables of others: which files hold them is ours to know, the rows are not ours to keep, rewrite or erase."""

from flyball.data.inplace.errors import InPlaceFileError, InPlaceOnlyError, TableChangedError, TableGoneError
from flyball.data.inplace.model import PREFIX, is_in_place

__all__ = ["PREFIX", "InPlaceFileError", "InPlaceOnlyError", "TableChangedError", "TableGoneError", "is_in_place"]
