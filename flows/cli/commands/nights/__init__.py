"""Commands about nights: run one, see the state, explain a decision, replay a policy, stage an incident."""
