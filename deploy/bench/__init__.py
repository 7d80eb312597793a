"""What it costs: benches that print their figures, on loopback alone."""
