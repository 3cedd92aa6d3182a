"""The section of a spec about how an approved version takes over requests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.spec.field_types import Column, Name, Share, SpecSection

Margin = Annotated[float, Field(gt=0, lt=1)]


class Guardrail(SpecSection):
    """How much worse an output metric may be where the candidate answers; one of both is given."""

    may_rise: Margin | None = Field(
        None,
        description="Of a metric that is worse when it is higher: by how much it may be; 0.02 are 2 points.",
    )
    may_fall: Margin | None = Field(
        None, description="Of a metric that is worse when it is lower, such as `clicked`: by how much it may be."
    )

    @property
    def worse(self) -> Literal["higher", "lower"]:
        """In which direction the metric is worse."""
        return "lower" if self.may_rise is None else "higher"

    @property
    def allowed(self) -> float:
        """By how much it may be worse."""
        return self.may_rise or self.may_fall or 0.0


class Rollout(SpecSection):
    """How a version that may be promoted takes over the requests of `leeway serve`."""

    strategy: Literal["at_once", "canary", "blue_green"] = Field(
        "at_once",
        description="at_once: it is champion as soon as it may be promoted; canary: it first answers a share of the "
        "requests, which grows while its answers differ from the champion's as the gate has promised; blue_green: "
        "after the shadow it answers all requests at once, and the champion is kept warm. Both need a running "
        "`leeway serve`.",
    )
    shares_from: float = Field(
        0.01, ge=0.001, le=1, description="The first share of the requests; it is multiplied by 4 in each stage."
    )
    entity: Column | None = Field(
        None,
        description="A column, such as a customer: all requests of one are answered by the same version, as long as "
        "the share grows. It is an id or a category. By default chance decides on each request.",
    )
    max_changed_answers: int = Field(
        1000,
        ge=1,
        description="The most answers of the candidate that were another decision than the champion's, before the "
        "candidate is champion. Further ones get the champion's answer.",
    )
    false_rollbacks: float = Field(
        0.01,
        gt=0,
        le=0.5,
        description="The accepted probability of rolling back a candidate that differs as it was promised.",
    )
    leeway: Share = Field(
        0.5, description="By which share the differences may exceed the upper 99 % bounds of the gate's promise."
    )
    stage_rows: int = Field(
        100,
        ge=1,
        description="The fewest rows that both versions answer before the candidate answers any, and that the "
        "candidate answers in each stage. A fault in 3 % of the rows shows among 100 with a probability of 95 %.",
    )
    stage_hours: float = Field(
        1, ge=0, description="The least time of each stage before the candidate answers all requests, in hours."
    )
    bake_hours: float = Field(
        24,
        ge=0,
        description="How long the candidate answers all requests before it is champion, in hours. Of a pause between "
        "two requests one hour counts, here and in `stage_hours`.",
    )
    keep_warm_hours: float = Field(
        24,
        ge=0,
        description="With blue_green: how long the old version still computes each request after the switch, so that "
        "it answers again at once; then the new one is champion. It takes the place of `bake_hours`.",
    )
    doubt_hours: float = Field(
        72, gt=0, description="How long a stage may take beyond those hours until a person is asked."
    )
    on_doubt: Literal["hold", "end"] = Field(
        "hold",
        description="What happens while a person is asked: the candidate keeps its share, or answers nothing.",
    )
    guardrails: dict[Annotated[Name, Field(description="An output metric.")], Guardrail] = Field(
        {},
        max_length=5,
        description="Output metrics that must not be worse where the candidate answers: events of "
        "`feedback.events`, or `null-answers`. The rollout ends if one is worse by more than it may be, and the "
        "candidate answers all requests only after it is shown that none is. Nights compare them, from the prediction "
        "log (`serving.log`).",
    )
