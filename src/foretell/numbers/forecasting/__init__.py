"""What forecasters are made of: windows, scalers, bases, mixers, and the network that holds them together."""
