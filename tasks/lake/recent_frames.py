"""Frames that were read a moment ago, kept for the next step that needs the same ones."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import pandas as pd

MOST_ROWS = 200_000


@dataclass
class RecentFrames:
    """The most recently used frames, as many as have `most_rows` rows together; a larger frame is not kept.

    Examples
    --------
    >>> recent = RecentFrames(most_rows=2)
    >>> def read():
    ...     print("read")
    ...     return pd.DataFrame({"x": [1, 2]})
    >>> len(recent.get("a", read)), len(recent.get("a", read))
    read
    (2, 2)
    >>> recent.get("b", read).equals(recent.get("a", read))
    read
    read
    True
    """

    most_rows: int = MOST_ROWS
    _frames: dict[Hashable, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    def get(self, key: Hashable, read: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Return the frame of a key, read if it is not kept; a change to it does not reach the kept one.

        Parameters
        ----------
        key : hashable
            Names the content: the same key always has the same rows.
        """
        frame = self._frames.pop(key, None)
        if frame is None:
            frame = read()
        if len(frame) <= self.most_rows:
            self._frames[key] = frame
            while sum(map(len, self._frames.values())) > self.most_rows:
                del self._frames[next(iter(self._frames))]
        return frame.copy(deep=False)  # copy-on-write
