"""From the published pretrained encoder to the shipped model (extra `train`)."""
