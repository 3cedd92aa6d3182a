"""The sections of a spec: what a project is for, where its data lands, how its model is trained, judged and used."""
