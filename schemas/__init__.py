"""What flows through headrace: events, envelopes, topics, errors and the vendors' wire formats."""
