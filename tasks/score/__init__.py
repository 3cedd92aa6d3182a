"""Score: accepted rows and a model in, one prediction for each row out, kept with the version and role that made it.

With a rule for it, unsure rows are marked for a person, with the values that moved the answer; the spec's degree of
automation has the last word. Where the spec names an output, each delivery's answers are written there, as a file or
to a table.
`automation` says how much was decided without a person, and how wrong that was.
"""

from tasks.inference.automation_degree import Degree, deferred_under
from tasks.score.answer_destination import Answers, answer_destination
from tasks.score.answer_table import AnswerTable
from tasks.score.automation_rate import AutomationRate, automation
from tasks.score.delta_answers import DeltaAnswers
from tasks.score.output_files import AnswerFiles
from tasks.score.prediction_rows import predictions

__all__ = [
    "AnswerFiles",
    "AnswerTable",
    "Answers",
    "AutomationRate",
    "Degree",
    "DeltaAnswers",
    "answer_destination",
    "automation",
    "deferred_under",
    "predictions",
]
