"""The commands' bodies; each is imported only when its command runs, so that `leeway --help` stays fast."""
