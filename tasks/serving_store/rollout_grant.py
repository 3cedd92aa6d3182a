"""RolloutGrant: which share of the requests a candidate may answer, until when, and how it is tested.

A worker only ever lowers what it is granted. A grant ends by itself, so that a candidate answers nothing once no
controller renews it. PROTOCOL is the number of the format; see `tasks.serving_store.servable_package` for how to change
it.
"""

from __future__ import annotations

import msgspec

PROTOCOL = 1
PURPOSE = "leeway rollout of {project}"
LEASE_SECONDS = 30.0
"""How long a grant is valid; it is renewed after a third of it."""


class RolloutGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate may answer.

    Attributes
    ----------
    serial : int
        Grows with every grant; a worker never goes back to a smaller one.
    rollout : str
        The name of the rollout: its ledgers are called so.
    stage : int
        The number of the stage, in which answers and entities are counted.
    champion, candidate : str
        The sha256 of the signed packages of both; a grant is void for another champion.
    version : int
        The number of the candidate's version, for people.
    share : float
        The share of the requests; 0 lets the candidate answer nothing, and be compared with all.
    entity : str
        The column that requests are assigned by; empty for chance.
    quota, slots : int
        The most changed answers, which are divided among the workers in this many slots; others have none.
    unit : float
        See `tasks.rollout.number_change`.
    limits : tuple of float
        See `tasks.rollout.limits`.
    not_after : float
        When it ends, in seconds since 1970.
    first_part, parts : int
        Of all the workers that run the rollout, in one service or several, the place of the first one of this service,
        and their number: each counts its part of the entities. 0 parts, as in grants of earlier versions of Leeway, are
        the slots.
    salt : str
        A secret of the service with which the entities of the rollout are chosen, so that no client can choose them;
        earlier versions of Leeway had the name of the rollout instead.
    """

    protocol: int
    project: str
    serial: int
    rollout: str
    stage: int
    champion: str
    candidate: str
    version: int
    share: float
    entity: str
    quota: int
    slots: int
    unit: float
    limits: tuple[float, ...]
    not_after: float
    salt: str = ""
    first_part: int = 0
    parts: int = 0

    def to_json(self) -> bytes:
        """Return the grant as JSON."""
        return msgspec.json.encode(self)

    def counts(self, place: int, slot: int) -> bool:
        """Return whether a worker counts the entity at a place: of all workers of all services, one does."""
        return slot < self.slots and place % (self.parts or self.slots) == self.first_part + slot

    def quota_of(self, slot: int) -> int:
        """Return the changed answers of a worker; those of all workers together are the quota.

        >>> grant = RolloutGrant(protocol=1, project="shop", serial=1, rollout="3-ab", stage=1, champion="",
        ...     candidate="", version=3, share=0.1, entity="", quota=7, slots=2, unit=0.0, limits=(), not_after=0.0)
        >>> [grant.quota_of(slot) for slot in range(3)]
        [4, 3, 0]
        """
        return 0 if slot >= self.slots else self.quota // self.slots + (slot < self.quota % self.slots)
