"""Grafana: dashboards over what the workers measure."""
