"""Route: which package answers a project's requests.

PROTOCOL is the number of the format; see `tasks.serving_store.servable_package` for how to change it.
"""

from __future__ import annotations

import msgspec

PROTOCOL = 1
PURPOSE = "leeway route of {project}"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """The package that serves.

    Attributes
    ----------
    serial : int
        Grows with every change, usually the time in milliseconds; a worker never goes back to a smaller one.
    package : str
        The sha256 of its signed `package.json`.
    version : int
        The number of its version, for people.
    """

    protocol: int
    project: str
    serial: int
    package: str
    version: int

    def to_json(self) -> bytes:
        """Return the route as JSON."""
        return msgspec.json.encode(self)
