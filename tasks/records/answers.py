"""The answers of a night: one frozen record for each question, with the numbers that the answer rests on.

`answer` is the answer in words; every other field is a number or a name. A reader asks for an answer by its class:
`night.answer(MayRetrain)`. None means that a number was not measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from tasks.records.answer_quality.audited_rows import AuditedRows
from tasks.records.answer_quality.guarded_metric import GuardedMetric
from tasks.records.answer_quality.output_metric import OutputMetric
from tasks.records.answer_quality.person_comparison import PersonComparison
from tasks.records.drift import DriftKind, LocalError
from tasks.records.performance import Estimated, Performance, ServedProof
from tasks.records.suspicion_state import SuspicionState
from tasks.records.upstream import UpstreamState


class QuestionId(StrEnum):
    """The questions of a night, by the id that the decision record keeps."""

    ENOUGH_ROWS = "enough_rows"
    VALID = "valid"
    CORRUPT_OR_DRIFTED = "corrupt_or_drifted"
    MATTERS = "matters"
    WHICH_KIND = "which_kind"
    WHERE_FIRST = "where_first"
    WORTH_RETRAINING = "worth_retraining"
    MAY_RETRAIN = "may_retrain"
    WHO_APPROVES = "who_approves"
    RECOVERED = "recovered"
    CHALLENGER = "challenger"
    SERVED_AS_BATCH = "served_as_batch"
    OUTPUTS = "outputs"
    PEOPLE = "people"
    DEGREE = "degree"

    @property
    def sentence(self) -> str:
        """The question in words.

        >>> QuestionId.MATTERS.sentence
        'does it matter?'
        """
        return SENTENCES[self]


SENTENCES: dict[QuestionId, str] = {
    QuestionId.ENOUGH_ROWS: "enough rows?",
    QuestionId.VALID: "valid?",
    QuestionId.CORRUPT_OR_DRIFTED: "corrupt or drifted?",
    QuestionId.MATTERS: "does it matter?",
    QuestionId.WHICH_KIND: "which kind?",
    QuestionId.WHERE_FIRST: "where first?",
    QuestionId.WORTH_RETRAINING: "worth retraining?",
    QuestionId.MAY_RETRAIN: "may it retrain?",
    QuestionId.WHO_APPROVES: "who approves?",
    QuestionId.RECOVERED: "did it recover?",
    QuestionId.CHALLENGER: "how does the challenger do?",
    QuestionId.SERVED_AS_BATCH: "served as the batch answers?",
    QuestionId.OUTPUTS: "what do users see?",
    QuestionId.PEOPLE: "do people decide the same?",
    QuestionId.DEGREE: "may the model decide by itself?",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of the decision and its answer in words; the subclass of the question adds the numbers."""

    answer: str
    question: QuestionId = field(kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnoughRows(Answer):
    """Whether the window holds enough rows to judge."""

    question: Literal[QuestionId.ENOUGH_ROWS] = QuestionId.ENOUGH_ROWS
    rows: int
    window_days: int
    min_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Valid(Answer):
    """Whether the deliveries met the contract."""

    question: Literal[QuestionId.VALID] = QuestionId.VALID
    quarantined_batches: tuple[str, ...] = ()
    refused_rows: int = 0


@dataclass(frozen=True, slots=True)
class SuspectedSource:
    """A kind of broken source, and the columns in which it is suspected."""

    kind: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptOrDrifted(Answer):
    """Whether a movement looks like a broken source; `strains` are the shares of the leeway used, by column.

    `states` are all suspicions so far, as they are after this night: open, ended or answered.
    """

    question: Literal[QuestionId.CORRUPT_OR_DRIFTED] = QuestionId.CORRUPT_OR_DRIFTED
    suspected: tuple[SuspectedSource, ...] = ()
    strains: Mapping[str, float] = field(default_factory=dict)
    states: tuple[SuspicionState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matters(Answer):
    """Whether the model's error is past its leeway.

    `weight_moved` is the share of the champion's skill that rests on columns past their leeway, 0 to 1. `slices` are
    errors by slice, the worst first.
    """

    question: Literal[QuestionId.MATTERS] = QuestionId.MATTERS
    weight_moved: float
    performance: Performance | None = None
    estimated: Estimated | None = None
    slices: tuple[LocalError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhichKind(Answer):
    """Which kind of drift it is; `creeping` names the columns with drift that added up over nights."""

    question: Literal[QuestionId.WHICH_KIND] = QuestionId.WHICH_KIND
    kind: DriftKind
    creeping: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhereFirst(Answer):
    """Where something moved first, and the projects up- and downstream."""

    question: Literal[QuestionId.WHERE_FIRST] = QuestionId.WHERE_FIRST
    first_step: str = ""
    upstream: tuple[UpstreamState, ...] = ()
    downstream: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorthRetraining(Answer):
    """Whether a retraining is worth its cost over the next 30 days; losses and costs are in the spec's currency."""

    question: Literal[QuestionId.WORTH_RETRAINING] = QuestionId.WORTH_RETRAINING
    training_cost: float
    expected_loss: float | None = None
    rows_in_30_days: int | None = None


class ObstacleKind(StrEnum):
    """What can forbid a retraining."""

    UNDER_WAY = "under_way"
    WAITING = "waiting"
    COOLDOWN = "cooldown"
    BACK_OFF = "back_off"
    BUDGET = "budget"
    UPSTREAM = "upstream"
    SUSPICION = "suspicion"
    FRESH_ROWS = "fresh_rows"
    YOUNG_REGIME = "young_regime"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why a retraining is not allowed, with its numbers in words."""

    kind: ObstacleKind
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MayRetrain(Answer):
    """Whether a retraining is allowed; `wanted` says that the error or the champion's age asks for one."""

    question: Literal[QuestionId.MAY_RETRAIN] = QuestionId.MAY_RETRAIN
    retrainings_in_30_days: int
    fresh_rows: int
    days_since_retraining: int | None = None
    obstacles: tuple[Obstacle, ...] = ()
    wanted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoApproves(Answer):
    """Who approves the outcome of a retraining."""

    question: Literal[QuestionId.WHO_APPROVES] = QuestionId.WHO_APPROVES


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered(Answer):
    """Whether the released version does in service what it promised: the mean loss of its first matured rows."""

    question: Literal[QuestionId.RECOVERED] = QuestionId.RECOVERED
    version: int
    verdict: str
    rows: int = 0
    loss: float | None = None
    low: float | None = None
    high: float | None = None
    promised_low: float | None = None
    promised_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengerInService(Answer):
    """How the version that waits does next to the champion: mean losses on the rows that both answered."""

    question: Literal[QuestionId.CHALLENGER] = QuestionId.CHALLENGER
    version: int
    rows: int = 0
    start: date | None = None
    end: date | None = None
    loss: float | None = None
    champion_loss: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedAsBatch(Answer):
    """Whether the prediction service has answered its rows as the batch does, bit for bit."""

    question: Literal[QuestionId.SERVED_AS_BATCH] = QuestionId.SERVED_AS_BATCH
    proof: ServedProof


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs(Answer):
    """What users see of the answers: the output metrics of the night, and the guardrails of a rollout."""

    question: Literal[QuestionId.OUTPUTS] = QuestionId.OUTPUTS
    metrics: tuple[OutputMetric, ...] = ()
    guarded: tuple[GuardedMetric, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedByPeople(Answer):
    """How people decide next to the model: agreement, and the error of each."""

    question: Literal[QuestionId.PEOPLE] = QuestionId.PEOPLE
    comparison: PersonComparison


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDegree(Answer):
    """Whether the degree of automation holds: the error of the audited rows, and where the degree falls."""

    question: Literal[QuestionId.DEGREE] = QuestionId.DEGREE
    audit: AuditedRows


AnyAnswer = Annotated[
    EnoughRows
    | Valid
    | CorruptOrDrifted
    | Matters
    | WhichKind
    | WhereFirst
    | WorthRetraining
    | MayRetrain
    | WhoApproves
    | Recovered
    | ChallengerInService
    | ServedAsBatch
    | Outputs
    | DecidedByPeople
    | HeldDegree,
    Field(discriminator="question"),
]
A = TypeVar("A", bound=Answer)


def answer_of(answers: Sequence[Answer], kind: type[A]) -> A | None:
    """Return the answer of a class, None where its question was not asked.

    >>> answer_of([WhoApproves("a person: ann")], WhoApproves).answer
    'a person: ann'
    """
    return next((answer for answer in answers if isinstance(answer, kind)), None)
