"""What a model loses where reconstructions stand in for its activations."""
