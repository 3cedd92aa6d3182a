"""Labeling queue: the rows that a model deferred to people, and the labels that people return.

In: predictions and labels of the lake; a csv that a person filled in. Out: the rows that wait, as a csv with an empty
label; the answers as a delivery of labels, which is validated like any other delivery.
"""

from tasks.labeling_queue.label_delivery import LandingFile, landing_file
from tasks.labeling_queue.returned_labels import ReturnedLabels, answers, delivered, read_answers
from tasks.labeling_queue.review_queue import queue, queue_file

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
