"""Records of how good answers are, in addition to the one metric."""
