"""The embedded stack: a real Kafka broker, Elasticsearch node and Prefect server as child processes."""
