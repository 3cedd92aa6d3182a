from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tasks.lake import SUPERSEDED
from tasks.records import Kind, Landed, ValidatedDelivery
from tasks.validate.acceptance.reconcile import PriorBatch, Reconciled, contained, reconcile
from tests.deliveries import accepted_batch

DAY = date(2026, 1, 2)
MOMENT = datetime(2026, 1, 3, tzinfo=UTC)


def rows(**values: float) -> pd.DataFrame:
    return pd.DataFrame({"row_id": list(values), "event_date": DAY, "size": list(values.values())})


def delivered(key: str, accepted: pd.DataFrame, kind: Kind = "rows") -> ValidatedDelivery:
    return ValidatedDelivery("new", Landed(kind, key, 1, DAY), "accepted", accepted, pd.DataFrame())


def before(key: str, there: pd.DataFrame, *, held: tuple[str, ...] = (), kind: str = "rows") -> PriorBatch:
    verdict = "accepted" if len(there) else "quarantined"
    counts = {"rows_in": len(there) + len(held), "rows_quarantined": len(held)}
    batch = accepted_batch("old", DAY, len(there), kind=kind, key=key, verdict=verdict, time=MOMENT, **counts)
    return PriorBatch(batch, there, frozenset(held))


def effect(delivery: ValidatedDelivery, refused_ids: frozenset[str], prior: list[PriorBatch]) -> Reconciled:
    return reconcile(delivery, delivery.accepted, refused_ids, prior)


def states(settled: Reconciled) -> list[tuple[str, int, int, int]]:
    each = [one.batch for one in settled.amended]
    return [(batch.verdict, batch.rows_accepted, batch.rows_quarantined, batch.rows_elsewhere) for batch in each]


def balanced(settled: Reconciled) -> bool:
    each = [one.batch for one in settled.amended]
    return all(b.rows_in == b.rows_accepted + b.rows_quarantined + b.rows_elsewhere for b in each)


def test_a_file_written_again_with_most_of_its_rows_takes_the_place_of_the_first() -> None:
    found = effect(delivered("a.csv", rows(x=1, y=9)), frozenset(), [before("a.csv", rows(x=1, y=2, z=3))])
    assert (len(found.accepted), found.repeated) == (2, 0)
    assert states(found) == [(SUPERSEDED, 0, 0, 3)]
    assert balanced(found)


def test_a_name_used_again_for_other_rows_loses_none_of_the_first() -> None:
    found = effect(delivered("export.csv", rows(u=1, v=2)), frozenset(), [before("export.csv", rows(x=1, y=2, z=3))])
    assert (len(found.accepted), found.amended) == (2, ())


def test_a_name_used_again_that_shares_a_changed_row_replaces_that_row_only() -> None:
    found = effect(delivered("export.csv", rows(z=4, u=1)), frozenset(), [before("export.csv", rows(x=1, y=2, z=3))])
    assert found.accepted["row_id"].tolist() == ["z", "u"]
    assert states(found) == [("accepted", 2, 0, 1)]
    assert found.amended[0].rows["row_id"].tolist() == ["x", "y"]
    assert (found.amended[0].batch.revision, found.amended[0].batch.base) == (2, 2)


def test_the_same_row_in_another_file_stays_where_it_is() -> None:
    there = pd.DataFrame({"row_id": ["x"], "event_date": [DAY], "size": [np.nan]})
    again = pd.DataFrame({"row_id": ["x", "y"], "event_date": [DAY, DAY], "size": [np.nan, 2.0]})
    found = effect(delivered("b.csv", again), frozenset(), [before("a.csv", there)])
    assert (found.accepted["row_id"].tolist(), found.repeated, found.amended) == (["y"], 1, ())


def test_a_quarantined_file_is_healed_by_its_correction_whatever_that_is_called() -> None:
    nothing = rows().astype({"row_id": "str"})
    held = before("a.csv", nothing, held=("x", "y", "z"))
    assert states(effect(delivered("a-fixed.csv", rows(x=1, y=2)), frozenset(), [held])) == [(SUPERSEDED, 0, 0, 3)]
    assert effect(delivered("a-fixed.csv", rows(x=1)), frozenset(), [held]).amended == ()


def test_an_unreadable_file_is_healed_by_one_of_its_name() -> None:
    nothing = rows().astype({"row_id": "str"})
    assert states(effect(delivered("a.csv", rows(x=1)), frozenset(), [before("a.csv", nothing)])) == [
        (SUPERSEDED, 0, 0, 0)
    ]
    assert effect(delivered("b.csv", rows(x=1)), frozenset(), [before("a.csv", nothing)]).amended == ()


def test_a_correction_that_is_refused_itself_replaces_nothing() -> None:
    refused = ValidatedDelivery("new", Landed("rows", "a.csv", 1, DAY), "quarantined", rows(), rows(x=1))
    assert effect(refused, frozenset({"x"}), [before("a.csv", rows(x=1))]).amended == ()


def test_an_accepted_row_with_a_refused_correction_stays() -> None:
    found = effect(delivered("a.csv", rows(x=1, y=9)), frozenset({"z"}), [before("a.csv", rows(x=1, y=2, z=3))])
    assert states(found) == [("accepted", 1, 0, 2)]
    assert found.amended[0].rows["row_id"].tolist() == ["z"]


def test_labels_of_another_file_are_left_to_the_newest_arrival() -> None:
    old = pd.DataFrame({"row_id": ["x"], "label": [1.0]})
    new = pd.DataFrame({"row_id": ["x"], "label": [2.0]})
    found = effect(delivered("b.csv", new, "labels"), frozenset(), [before("a.csv", old, kind="labels")])
    assert (len(found.accepted), found.amended) == (1, ())


@given(st.lists(st.sampled_from(["a", "b", "c", None])), st.lists(st.sampled_from(["b", "c", "d", None])))
def test_a_row_id_is_contained_in_others_when_one_is_equal(ids: list[str | None], others: list[str | None]) -> None:
    present = {row_id for row_id in others if row_id is not None}
    mask = contained(pd.Series(ids, dtype="str"), pd.Series(others, dtype="str"))
    assert mask.tolist() == [row_id in present for row_id in ids]
