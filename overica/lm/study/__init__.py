"""The study of ICA beside sparse autoencoders on activations."""
