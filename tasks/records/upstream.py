"""A project upstream, as a night of a project that uses its rows or its model's answers sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

SHOWN = 5
KIND_WORDS = {"virtual": "harmless", "slice": "local slice"}


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """A project upstream: the newest decision about the rows or answers that this project uses.

    Attributes
    ----------
    use : {"dataset", "model"}
        Whether its rows are used, or its model's answers.
    night : date or None
        Its newest decided night within the window; None where there is none.
    moved : tuple of str
        What was past its leeway: columns of a data set, the answers of a model.
    troubled : bool
        Whether its action was hold, ask or quarantine because of what is used of it.
    suspected : bool
        Whether a suspicion about its rows was open.
    began : str
        Where its trouble began: the first step of its own data that moved, or, where a project upstream of it had
        trouble, that of this project. Empty where nothing moved before what is used.
    doubted_until : date or None
        Of a model: the newest night on which its answers may have been wrong (see `flows.steps.lineage`). None where
        its labels say that they were not, or nothing suggests it.
    """

    project: str
    use: str = "dataset"
    night: date | None = None
    action: str = ""
    kind: str = ""
    moved: tuple[str, ...] = ()
    troubled: bool = False
    suspected: bool = False
    began: str = ""
    doubted_until: date | None = None

    @property
    def sentence(self) -> str:
        """The same in words.

        >>> UpstreamState("sales", "dataset", date(2026, 1, 2), "hold", "covariate", ("area",), True).sentence
        'sales (hold on 2026-01-02, covariate: area)'
        >>> UpstreamState("ranker", "model").sentence
        'the model of ranker (no night yet)'
        >>> seen = {"night": date(2026, 1, 2), "action": "hold", "kind": "both", "began": "rows as delivered (level)"}
        >>> UpstreamState("ranker", "model", **seen).sentence
        'the model of ranker (hold on 2026-01-02, both; it began in rows as delivered (level))'
        """
        name = f"the model of {self.project}" if self.use == "model" else self.project
        if self.night is None:
            return f"{name} (no night yet)"
        moved = f": {', '.join(self.moved[:SHOWN])}" if self.moved else ""
        began = f"; it began in {self.began}" if self.began else ""
        return f"{name} ({self.action} on {self.night}, {KIND_WORDS.get(self.kind, self.kind)}{moved}{began})"
