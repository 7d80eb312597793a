"""What Kibana shows: `build` writes the saved objects, `send` imports them."""
