"""Reading sources: fetching, parsing, extraction, identity and state."""
