"""The control plane of the prediction service: packages and routes in step with the decision record."""
