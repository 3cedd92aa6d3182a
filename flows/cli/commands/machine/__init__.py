"""Commands about this machine: start the stack, examine the machine or a store, clean up tables."""
