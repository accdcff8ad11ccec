"""A subscription service that estimates cardiac risk with a small neural network."""
