"""The registry: access to MLflow over HTTP, with model versions, their files, tags and aliases.

`Registry.add_version` stores a `Draft` (files, tags, metrics, a card) and returns a `Version`. `Registry.fetch` returns
its files as bytes, after it has verified them against their signed manifest. Nothing in this package loads a model.
"""

from __future__ import annotations

from tasks.registry.client import Registry
from tasks.registry.manifest import seal, verify
from tasks.registry.series import Series
from tasks.registry.signing import PACKAGES, VERSIONS, HomeKeys, Keys, load_keys
from tasks.registry.statement import Basis, Signed, Statement
from tasks.registry.versions import Draft, Input, Version

__all__ = [
    "PACKAGES",
    "VERSIONS",
    "Basis",
    "Draft",
    "HomeKeys",
    "Input",
    "Keys",
    "Registry",
    "Series",
    "Signed",
    "Statement",
    "Version",
    "load_keys",
    "seal",
    "verify",
]
