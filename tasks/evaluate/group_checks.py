"""Differences between groups at the gate: of both models, and as guardrails."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.evaluate.checks import Check
from tasks.evaluate.comparison_set import ComparisonSet, ScoredRows
from tasks.evaluate.further_metrics_checks import answered_rows
from tasks.metrics import GapTest, GroupedAnswers, corrected, group_gaps
from tasks.model import Predictor
from tasks.records import GapComparison
from tasks.records.answer_quality.further_metrics import known
from tasks.render.values import counted
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.quality_sections.fairness_section import Fairness

MOST_NAMED = 5


def gap_comparisons(compared: ComparisonSet, scored: ScoredRows, spec: ProjectSpec) -> tuple[GapComparison, ...]:
    """Return every difference between a group and all other rows, of the challenger and of the champion.

    A difference refuses the challenger when it is larger than its limit *and* significantly so, with Holm's correction
    over all groups and measures with a limit, unless the champion's is at least as large on the same rows: to keep that
    one would protect no group.
    """
    if not spec.fairness.groups:
        return ()
    mine = _gaps(compared.challenger, "challenger", scored, spec)
    before: dict[tuple[str, ...], float] = {}
    if compared.champion is not None:
        gaps = (one.gap for one in _gaps(compared.champion, "champion", scored, spec))
        before = {(gap.column, gap.group, gap.measure): gap.difference for gap in gaps}
    found = []
    for one in corrected(mine, 1 - spec.gate.confidence):
        gap = one.gap
        champion = before.get((gap.column, gap.group, gap.measure))
        worse = champion is None or abs(gap.difference) > abs(champion)
        found.append(GapComparison(gap, champion, known(one.p_value), gap.is_past_limit and worse))
    return tuple(found)


def _gaps(model: Predictor, name: str, scored: ScoredRows, spec: ProjectSpec) -> list[GapTest]:
    groups = scored.rows.reindex(columns=spec.fairness.groups)
    rows = GroupedAnswers(answered_rows(model, name, scored, spec), groups, scored.groups)
    return group_gaps(rows, spec, spec.gate.confidence)


def no_group_apart(found: Sequence[GapComparison], fairness: Fairness) -> list[Check]:
    """Return the check that no group differs from the others by more than its limit; none where there is no limit.

    What cannot be tested refuses no challenger: a new group would block every version until it has rows of ten days,
    and the champion is no fairer to it. The check names it, as a warning.
    """
    if not fairness.groups or not fairness.limits.model_dump(exclude_none=True):
        return []
    limited = [one for one in found if one.challenger.limit is not None]
    refused = [_described(one) for one in limited if one.refused]
    if refused:
        return [Check(held=False, sentence=f"found {'; '.join(refused)}; expected no significantly larger difference")]
    untested = [_named(one) for one in limited if one.p_value is None]
    tested = len(limited) - len(untested)
    if not tested:
        sentence = "found no difference between groups that can be tested; fairness.limits is not proved"
    else:
        differences = counted(tested, "difference between groups", "differences between groups")
        sentence = f"found none of {differences} significantly beyond its limit"
    if untested:
        more = f" and {len(untested) - MOST_NAMED} more" if len(untested) > MOST_NAMED else ""
        sentence += f"; not tested, with rows on too few days: {', '.join(untested[:MOST_NAMED])}{more}"
    return [Check(held=True, sentence=sentence, warns=bool(untested) or not tested)]


def _named(found: GapComparison) -> str:
    gap = found.challenger
    return f"{gap.measure.replace('_', ' ')} of {gap.column} = {gap.group}"


def _described(found: GapComparison) -> str:
    """Return a difference in words.

    >>> from tasks.records import GroupGap
    >>> gap = GroupGap("town", "Ely", "selection_rate", 90, 0.2, 0.5, -0.3, limit=0.1)
    >>> _described(GapComparison(gap, -0.1))
    'selection rate of town = Ely 0.2, -0.3 to the others (champion -0.1, limit 0.1)'
    """
    gap, champion = found.challenger, "" if found.champion is None else f"champion {found.champion:+.3g}, "
    what = f"{_named(found)} {gap.value:.3g}"
    return f"{what}, {gap.difference:+.3g} to the others ({champion}limit {gap.limit:g})"
