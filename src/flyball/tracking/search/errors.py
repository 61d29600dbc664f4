"""What goes wrong with a search: always what was asked, never the store; the first words are those that MLflow's users know.

::

    InvalidError
    ├── FilterClauseError, FilterTooLargeError, EntityTypeError, AttributeKeyError, ComparatorError
    ├── NumberExpectedError, TextExpectedError, QuotesExpectedError, ListError, NullTestError
    ├── OrderClauseError, OrderFieldError, OrderTwiceError
    └── PageTokenError, PageTokenForeignError
    ConflictError ── SearchStoppedError
"""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.errors import ConflictError, InvalidError

_SHOWN = 100


def shown(text: str) -> str:
    """At most 100 characters of what was given, printable: an error never becomes as long as a hostile filter."""
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in cut)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


class FilterClauseError(InvalidError):
    """A part of the filter is no comparison."""

    code = "filter-clause"

    def __init__(
        self, clause: str, *, expected: str = "comparisons joined by AND, such as metrics.loss < 0.1 AND tags.team = 'risk'"
    ) -> None:
        super().__init__(f"Invalid clause(s) in filter string: '{shown(clause)}'. Expected {expected}.")


class FilterTooLargeError(InvalidError):
    """The filter is longer than any that is read."""

    code = "filter-too-large"

    def __init__(self, what: str, found: int, *, limit: int) -> None:
        super().__init__(f"Invalid filter: it has {found:,} {what}, more than {limit:,}. Ask for less at once.")


class EntityTypeError(InvalidError):
    """The word before the dot names nothing that has keys."""

    code = "entity-type"

    def __init__(self, entity: str, *, valid: Iterable[str]) -> None:
        super().__init__(f"Invalid entity type '{shown(entity)}'. Valid values are [{_listed(valid)}]")


class AttributeKeyError(InvalidError):
    """No attribute, or no field of a dataset, has this name."""

    code = "attribute-key"

    def __init__(self, entity: str, key: str, *, valid: Iterable[str]) -> None:
        super().__init__(f"Invalid {entity} key '{shown(key)}' specified. Valid keys are [{_listed(sorted(valid))}]")


class ComparatorError(InvalidError):
    """The field cannot be compared that way."""

    code = "comparator"

    def __init__(self, field: str, comparator: str, *, valid: Iterable[str]) -> None:
        super().__init__(f"Invalid comparator '{shown(comparator)}' not one of [{_listed(valid)}], for {shown(field)}")


class NumberExpectedError(InvalidError):
    """A metric or a numeric attribute is compared with a number."""

    code = "number-expected"

    def __init__(self, what: str, found: str) -> None:
        super().__init__(f"Expected numeric value type for {shown(what)}. Found {shown(found)}")


class TextExpectedError(InvalidError):
    """Params, tags and textual attributes are compared with a quoted text."""

    code = "text-expected"

    def __init__(self, what: str, found: str) -> None:
        super().__init__(f"Expected a quoted string value for {shown(what)} (e.g. 'my-value'). Got value {shown(found)}")


class QuotesExpectedError(InvalidError):
    """A text stands in single or double quotes."""

    code = "quotes-expected"

    def __init__(self, found: str) -> None:
        super().__init__(
            f"Parameter value is either not quoted or unidentified quote types used for string value {shown(found)}. "
            "Put it in single or double quotes."
        )


class ListError(InvalidError):
    """What follows IN is a list of quoted texts, where the field takes one."""

    code = "list"

    def __init__(self, found: str, reason: str) -> None:
        super().__init__(f"While parsing a list in the query, expected a non-empty list of string values, but {reason}: {shown(found)}")

    @classmethod
    def unsupported(cls, key: str, *, valid: Iterable[str]) -> ListError:
        """The error of a field that is compared with no list."""
        return cls(key, f"only [{_listed(sorted(valid))}] support comparison with a list of quoted string values")


class NullTestError(InvalidError):
    """Only what may be missing can be asked for by IS NULL."""

    code = "null-test"

    def __init__(self, field: str, *, valid: str) -> None:
        super().__init__(f"IS NULL / IS NOT NULL is only supported for {valid}, not for {shown(field)}")


class OrderClauseError(InvalidError):
    """An order is a field, and ASC or DESC."""

    code = "order-clause"

    def __init__(self, clause: str) -> None:
        super().__init__(f"Invalid order_by clause '{shown(clause)}'. Could not be parsed. Write a field, then ASC or DESC.")


class OrderFieldError(InvalidError):
    """The field orders nothing here."""

    code = "order-field"

    def __init__(self, field: str, *, valid: Iterable[str]) -> None:
        super().__init__(f"Invalid order by key '{shown(field)}' specified. Valid keys are [{_listed(sorted(valid))}]")


class OrderTwiceError(InvalidError):
    """A field stands twice in the order."""

    code = "order-twice"

    def __init__(self, clauses: Iterable[str]) -> None:
        super().__init__(f"`order_by` contains duplicate fields: [{_listed(shown(clause) for clause in clauses)}]")


class PageTokenError(InvalidError):
    """The token is none of ours."""

    code = "page-token"

    def __init__(self, token: str) -> None:
        super().__init__(f"Invalid page token '{shown(token)}'. Give back the token of the page before, unchanged, or none.")


class PageTokenForeignError(InvalidError):
    """The token belongs to another search."""

    code = "page-token-foreign"

    def __init__(self) -> None:
        super().__init__(
            "Invalid page token: it is of a search with another filter, order, view or other experiments. "
            "Continue a search with what it began with, or begin anew without a token."
        )


class SearchStoppedError(ConflictError):
    """Who asked does not wait any more."""

    code = "search-stopped"

    def __init__(self) -> None:
        super().__init__(
            "The search was stopped before it ended, because nobody waits for it or its time was over. Ask again with a narrower filter."
        )
