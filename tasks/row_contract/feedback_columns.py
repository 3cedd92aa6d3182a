"""The columns of feedback and of people's decisions, next to the id of the row: in files, requests, and the lake."""

EVENT, DECISION, TIME = "event", "decision", "time"
