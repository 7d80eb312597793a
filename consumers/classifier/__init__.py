"""Passages in, labels with evidence out."""
