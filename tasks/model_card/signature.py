"""The inputs and outputs of a model as an MLflow signature, which the version's page shows as the model's schema.

The file has a signature only. It names no flavour, so MLflow cannot load, and run, the files next to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SIGNATURE_FILE = "MLmodel"


def signature_text(schema: Mapping[str, Any]) -> str:
    """Return an `MLmodel` file with a signature only.

    Parameters
    ----------
    schema : mapping
        The model's schema.json.

    Notes
    -----
    https://mlflow.org/docs/latest/ml/model/signatures: inputs and outputs are JSON texts in YAML, and JSON text is
    YAML.

    Examples
    --------
    >>> schema = {"task": "regression", "numbers": ["size"], "booleans": [], "categories": {"zip": ["1"]},
    ...     "event_time": "at"}
    >>> import yaml
    >>> json.loads(yaml.safe_load(signature_text(schema))["signature"]["inputs"])[1]
    {'name': 'zip', 'type': 'string', 'required': False}
    """
    types = {"double": schema["numbers"], "boolean": schema["booleans"], "string": list(schema["categories"])}
    inputs = [{"name": name, "type": kind, "required": False} for kind, names in types.items() for name in names]
    dates = dict.fromkeys(part["column"] for part in schema.get("dates") or [])
    others = [name for name in dates if name != schema["event_time"]]
    inputs += [{"name": name, "type": "datetime", "required": False} for name in others]
    if schema.get("time") or schema["event_time"] in dates:
        inputs.append({"name": schema["event_time"], "type": "datetime", "required": True})
    outputs = [{"name": "prediction", "type": "double", "required": True}]
    lines = ["signature:", f"  inputs: {_text(inputs)}", f"  outputs: {_text(outputs)}", "flavors: {}"]
    return "\n".join(lines) + "\n"


def _text(columns: list[dict[str, Any]]) -> str:
    return json.dumps(json.dumps(columns))
