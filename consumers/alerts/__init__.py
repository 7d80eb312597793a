"""What happens to an alert once it is made: who is told, when, and what people do with it."""
