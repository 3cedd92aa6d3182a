"""The registry: our one door to MLflow over HTTP, where model versions, their files, tags and aliases live.

In: a `Draft` (named files, tags, numbers, a card). Out: a `Version`, and its files once their signed manifest agrees.
Nothing here loads a model: files travel as bytes, and whoever uses them gets them only after `fetch` has verified them.
"""

from __future__ import annotations

from tasks.registry.client import Registry
from tasks.registry.manifest import seal, verify
from tasks.registry.series import Series
from tasks.registry.signing import Keys, load_keys
from tasks.registry.versions import Draft, Input, Version

__all__ = ["Draft", "Input", "Keys", "Registry", "Series", "Version", "load_keys", "seal", "verify"]
