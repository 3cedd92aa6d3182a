"""The Open Inference Protocol, version 2, over gRPC: its messages and tensors, and calls that the service answers.

Imported only where `leeway serve` has a port for it, since it needs the packages of `leeway[grpc]`.
"""
