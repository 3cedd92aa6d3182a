"""A first spec promises kinds, the validate room reads deliveries: what the one was written from, the other accepts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.spec.infer import infer_spec
from tasks.validate.typing.typed_frame import typed


def test_the_data_a_first_spec_was_written_from_is_accepted_by_it_without_a_fault() -> None:
    number = np.arange(80)
    frame = pd.DataFrame({
        "id": number,
        "day": [f"2026-{each // 20 + 1:02d}-{each % 20 + 1:02d}" for each in number],
        "size": [str(each * 13 % 31) if each % 9 else "NA" for each in number],
        "zip": [f"0{each % 4}" for each in number],
        "paid": np.where(number % 3 == 0, "Y", "N"),
        "won": np.where(number * 7 % 11 > 6, "yes", "no"),
    }).astype("str")  # fmt: skip
    project = infer_spec(frame, project="shop", uri="landing", fmt="csv", time="day", label="won")
    delivered = typed(frame, project.spec)
    assert delivered.clean.all()
    assert delivered.frame["won"].sum() == (frame["won"] == "yes").sum()
    assert project.spec.features.columns == ["size", "paid", "zip"]
