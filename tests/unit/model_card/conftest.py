from __future__ import annotations

from typing import Any

WEAK = {"where": [["town", "Rye"], ["size", "1 to 2"]], "rows": 25, "loss": 3.0, "rest_loss": 1.0, "share_of_loss": 0.4}
ANALYSIS: dict[str, Any] = {
    "errors": {
        "loss": 1.5,
        "human_level": 1.2,
        "weak": [WEAK],
        "bins": [
            {"rows": 5, "prediction": 1.0, "truth": 1.5, "residual": 0.5, "loss": 1.0},
            {"rows": 5, "prediction": 3.0, "truth": 2.5, "residual": -0.5, "loss": 1.0},
        ],
    },
    "learning_curve": {"rows": [10, 20, 40], "losses": [4.0, 3.0, 2.5], "answer": "More rows would help."},
    "labels": {
        "same": {"rows": 40, "rows_apart": 4},
        "wrong": {"examined": 1000, "found": 7},
        "relabelled": {"rows": 0, "rows_apart": 0},
        "moved": [{}],
    },
}
