"""What runs on a schedule: Prefect flows that read sources and publish to Kafka."""
