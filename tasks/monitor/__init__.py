"""Monitor: stored profiles and matured cohorts in; what moved past its leeway, and how wrong the champion was, out."""

from tasks.monitor.contrast import Contrast, contrast
from tasks.monitor.performance import Promise, cohort, performance
from tasks.monitor.window import Window, newest_window

__all__ = ["Contrast", "Promise", "Window", "cohort", "contrast", "newest_window", "performance"]
