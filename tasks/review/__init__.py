"""Review: the rows a model left to people, and what people decided about them.

In: predictions and labels as they stand; a csv that a person filled in. Out: the queue of rows that wait, as a csv with
an empty label; and the answers as a delivery of labels, which goes through the same contract as any other.
"""

from tasks.review.answers import Answers, answers, delivered, read_answers
from tasks.review.file import queue_file
from tasks.review.landing import LandingFile, landing_file
from tasks.review.queue import queue

__all__ = ["Answers", "LandingFile", "answers", "delivered", "landing_file", "queue", "queue_file", "read_answers"]
