"""A project upstream, as a night of a project that uses its rows or its model's answers sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

SHOWN = 5
KIND_WORDS = {"virtual": "harmless", "slice": "local slice"}


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """A project whose rows or answers this one is made of: what its newest night came to, as far as it concerns us.

    Attributes
    ----------
    use : {"dataset", "model"}
        Whether its rows are used, or its model's answers.
    night : date or None
        Its newest decided night that the window still holds; None where there is none.
    moved : tuple of str
        What was past its leeway there: columns of a data set, the answers of a model.
    troubled : bool
        Whether it was held, asked about or set aside for what is used of it.
    """

    project: str
    use: str = "dataset"
    night: date | None = None
    action: str = ""
    kind: str = ""
    moved: tuple[str, ...] = ()
    troubled: bool = False

    @property
    def sentence(self) -> str:
        """The same in words.

        >>> UpstreamState("sales", "dataset", date(2026, 1, 2), "hold", "covariate", ("area",), True).sentence
        'sales (hold on 2026-01-02, covariate: area)'
        >>> UpstreamState("ranker", "model").sentence
        'the model of ranker (no night yet)'
        """
        name = f"the model of {self.project}" if self.use == "model" else self.project
        if self.night is None:
            return f"{name} (no night yet)"
        moved = f": {', '.join(self.moved[:SHOWN])}" if self.moved else ""
        return f"{name} ({self.action} on {self.night}, {KIND_WORDS.get(self.kind, self.kind)}{moved})"
