"""The columns of feedback, next to the id of the row: in files, in requests, and in the lake."""

EVENT, TIME = "event", "time"
