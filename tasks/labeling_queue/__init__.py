"""Review: the rows a model left to people, and what people decided about them.

In: predictions and labels as they stand; a csv that a person filled in. Out: the queue of rows that wait, as a csv with
an empty label; and the answers as a delivery of labels, which goes through the same contract as any other.
"""

from tasks.labeling_queue.label_delivery import LandingFile, landing_file
from tasks.labeling_queue.open_rows import queue
from tasks.labeling_queue.queue_file import queue_file
from tasks.labeling_queue.returned_labels import ReturnedLabels, answers, delivered, read_answers

__all__ = [
    "LandingFile",
    "ReturnedLabels",
    "answers",
    "delivered",
    "landing_file",
    "queue",
    "queue_file",
    "read_answers",
]
