"""Features described: where they fire, how densely, what they are near; and pages of them."""
