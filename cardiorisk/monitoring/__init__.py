"""What operators may see and do: how the service is, its newest lines, everybody's accounts."""
