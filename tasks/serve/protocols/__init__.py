"""The endpoints by protocol: Leeway's own, the Open Inference Protocol, and MLflow's scoring server."""
