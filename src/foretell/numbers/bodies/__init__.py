"""What a network is made of below its last layer: one body a file."""
