from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tasks.spec.models import ProjectSpec

MakeSpec = Callable[..., ProjectSpec]


@pytest.fixture
def make_spec() -> MakeSpec:
    def make(source: dict[str, Any] | None = None, **parts: Any) -> ProjectSpec:
        return ProjectSpec.model_validate(
            {
                "project": "houses",
                "scope": {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"},
                "source": {
                    "uri": "landing",
                    "id": ["id"],
                    "event_time": "sold",
                    "label": {"column": "price", "uri": "prices"},
                    **(source or {}),
                },
                "features": {"numbers": ["rooms"]},
                **parts,
            }
        )

    return make
