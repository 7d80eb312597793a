"""Who and what of the beat a piece names: people, agencies, prisons, laws, courts, agreements, places."""
