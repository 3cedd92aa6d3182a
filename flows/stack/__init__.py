"""The local stack of servers, and the deployments that run on it."""
