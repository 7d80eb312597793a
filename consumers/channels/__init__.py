"""How an alert leaves: one file per kind of channel."""
