"""Types of NumPy arrays, by what they hold."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
NumberArray: TypeAlias = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.uint64]
BinArray: TypeAlias = NDArray[np.uint16]  # bins of a histogram
HashArray: TypeAlias = NDArray[np.uint64]
IndexArray: TypeAlias = NDArray[np.intp]
DayArray: TypeAlias = NDArray[np.datetime64]
