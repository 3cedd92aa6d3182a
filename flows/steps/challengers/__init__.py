"""From labelled rows to a version that is put up for approval, for trainings, adoptions and replays."""
