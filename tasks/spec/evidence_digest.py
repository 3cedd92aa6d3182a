"""The digest of the parts of a spec that give the evidence of a challenger its meaning."""

from __future__ import annotations

import hashlib
import json

from tasks.spec.project_spec import ProjectSpec

PARTS: dict[str, set[str] | bool] = {
    "scope": {"metric", "weight"},
    "source": {"id", "identity", "event_time", "label"},
    "features": True,
    "training": {"task"},
    "gate": True,
    "metrics": True,
    "fairness": True,
}


def evidence_digest(spec: ProjectSpec) -> str:
    """Return the sha256 of the metric, weight, ids, event time, label, features, task, gate and guardrails of a spec.

    Values that are the default are left out, so that an option that a later version adds changes nothing. The age
    limit `gate.evidence_days` is left out too: it applies to evidence as it is now.
    """
    content = spec.model_dump(mode="json", include=PARTS, exclude_defaults=True)
    content.get("gate", {}).pop("evidence_days", None)
    content["metrics"] = [metric for metric in content.get("metrics", []) if "max_loss" in metric]
    if "limits" not in content.get("fairness", {}):
        content.pop("fairness", None)
    parts = {name: part for name, part in content.items() if part}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
