"""The network at work: loading it after checking it, and running it off the event loop."""
