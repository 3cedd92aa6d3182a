"""Serve: the prediction service. Workers answer requests from verified packages; a supervisor keeps them running.

A worker imports numpy, onnxruntime, msgspec, cryptography and uvicorn, and holds public keys only: what it answers was
signed by the control plane (`flows.serving`), and is repeated bit for bit before the first request.
"""
