"""The columns of a row that a function of the project makes: in the worker, or in a process of its own."""
