"""The serving store: a folder with what the prediction service answers from, written by the control plane.

`<project>/<digest>/` is a package: the signed files of a version, and a signed `package.json` with the row contract and
reference requests. `<project>/route.json` is signed and names the package that serves; `<project>/rollout.json` is
signed and lets a candidate answer a share of the requests. Readers need public keys only.
"""

from tasks.serving_store.api_keys import ApiKey, ApiKeys, keys_of, new_key, read_keys, write_keys
from tasks.serving_store.public_keys import VERSION_KEYS_FILE, public_keys, public_pems, version_keys
from tasks.serving_store.rollout_grant import RolloutGrant
from tasks.serving_store.servable_package import ReferenceAnswer, ReferenceRequest, ServablePackage
from tasks.serving_store.store import SERVING_FOLDER, UNREAD, ServingStore, file_stamp
from tasks.serving_store.traffic_route import Route

__all__ = [
    "SERVING_FOLDER",
    "UNREAD",
    "VERSION_KEYS_FILE",
    "ApiKey",
    "ApiKeys",
    "ReferenceAnswer",
    "ReferenceRequest",
    "RolloutGrant",
    "Route",
    "ServablePackage",
    "ServingStore",
    "file_stamp",
    "keys_of",
    "new_key",
    "public_keys",
    "public_pems",
    "read_keys",
    "version_keys",
    "write_keys",
]
