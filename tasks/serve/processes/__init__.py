"""The processes of the service: a supervisor with the admin port, its workers, and the counters that they share."""
