"""One error tree for the domain rooms. Every message says what is wrong, where, and what to do."""


class CityError(Exception):
    """Base of every error an operator may read; `code` keys the table in `hub/errors.py`."""

    code = "city-error"

    def __init__(self, message: str, **where: object) -> None:
        super().__init__(message)
        self.where = where


class BadInput(CityError):
    """What came in cannot be used. It is kept in the rejects list, never half-applied."""

    code = "bad-input"


class NotFound(CityError):
    """The thing named does not exist (any more)."""

    code = "not-found"


class Conflict(CityError):
    """The thing exists, but its present state forbids what was asked."""

    code = "conflict"


class Forbidden(CityError):
    """The signed-in person may not do this."""

    code = "forbidden"


class NotConfigured(CityError):
    """A part needs a setting or a program that is not there; the message names it."""

    code = "not-configured"


class TooLarge(BadInput):
    """The input is over its documented limit."""

    code = "too-large"


class TooMany(CityError):
    """The sender is over its limit; `retry_after_s` says when to send again."""

    code = "too-many"

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, retry_after_s=round(retry_after_s, 1))
        self.retry_after_s = retry_after_s
