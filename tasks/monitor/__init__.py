"""Monitor: stored profiles and matured cohorts in; what moved past its leeway, and how wrong the champion was, out."""

from tasks.monitor.answers import Answers, answers
from tasks.monitor.answers_file import from_json, to_json
from tasks.monitor.contrast import Contrast, contrast
from tasks.monitor.fold import Folded, Known, Pace, Since, fold
from tasks.monitor.kinds import Evidence, kind
from tasks.monitor.performance import Promise, newest_cohort, performance
from tasks.monitor.slices import Slices, cohort_tally, local_errors, slices, tolerance
from tasks.monitor.slices_file import slices_from_json, slices_to_json
from tasks.monitor.watch import Learnt, Memory, Seen, Watch
from tasks.monitor.window import Window, newest_window, steps

__all__ = [
    "Answers",
    "Contrast",
    "Evidence",
    "Folded",
    "Known",
    "Learnt",
    "Memory",
    "Pace",
    "Promise",
    "Seen",
    "Since",
    "Slices",
    "Watch",
    "Window",
    "answers",
    "cohort_tally",
    "contrast",
    "fold",
    "from_json",
    "kind",
    "local_errors",
    "newest_cohort",
    "newest_window",
    "performance",
    "slices",
    "slices_from_json",
    "slices_to_json",
    "steps",
    "to_json",
    "tolerance",
]
