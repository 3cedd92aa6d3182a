"""The error tree: every failure is an Error, and its type says whether trying again can help.

Error
├── Terminal                trying again gives the same answer; a person must change something
│   ├── SpecError           project.yaml is not valid: has every fault with file and line
│   ├── SourceError         the landing zone cannot be read as the spec says
│   ├── ContractError       the project's expectations file cannot be used
│   ├── DataError           there is not enough data, or not the right data, for the request
│   ├── EvidenceError       a model version is not what it claims to be: missing, changed or badly signed
│   ├── Overtaken           another run has taken the lease, and does the work
│   └── ParityError         an exported model does not predict as the trained one does
└── Retryable               a temporary failure; the same call may work later
    ├── Unreachable         a server, bucket or disk did not answer
    └── Conflict            another writer was first; read again, then decide

Bad data is not an error: it leads to a verdict (see tasks.validate), which is stored and reported.
"""

from __future__ import annotations

__all__ = [
    "Conflict",
    "ContractError",
    "DataError",
    "Error",
    "EvidenceError",
    "Overtaken",
    "ParityError",
    "Retryable",
    "SourceError",
    "SpecError",
    "Terminal",
    "Unreachable",
    "is_retryable",
    "nearest",
]


class Error(Exception):
    """Base of all errors of Leeway; the message says what was found, what was expected, and what to do."""


class Terminal(Error):
    """Trying again gives the same answer."""


class Retryable(Error):
    """The same call may work later."""


class SpecError(Terminal):
    """A project's spec cannot be used.

    Parameters
    ----------
    faults : list of str
        Every fault, with file and line.
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))

    def __reduce__(self) -> tuple[type[SpecError], tuple[list[str]]]:
        return type(self), (self.faults,)


class SourceError(Terminal):
    """The landing zone cannot be read as the spec says."""


class ContractError(Terminal):
    """The project's expectations file cannot be used."""


class DataError(Terminal):
    """There is not enough data, or not the right data, for the request."""


class EvidenceError(Terminal):
    """A model version is not what it claims to be."""


class Overtaken(Terminal):
    """Another run has taken the lease, and does the work."""


class ParityError(Terminal):
    """An exported model does not predict as the trained one does."""


class Unreachable(Retryable):
    """A server, bucket or disk did not answer."""


class Conflict(Retryable):
    """Another writer was first."""


def is_retryable(error: BaseException) -> bool:
    """Return whether the same call may work later.

    >>> is_retryable(Unreachable("no answer")), is_retryable(DataError("too few rows"))
    (True, False)
    """
    return isinstance(error, Retryable)


def nearest(word: str, known: list[str]) -> str:
    """Return a hint with the known word closest to `word`, or an empty text if none is close.

    >>> nearest("colums", ["columns", "label"])
    "; did you mean 'columns'?"
    >>> nearest("zzz", ["columns"])
    ''
    """
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
