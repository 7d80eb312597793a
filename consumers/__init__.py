"""What runs for ever: Kafka workers that classify, index, alert and notify."""
