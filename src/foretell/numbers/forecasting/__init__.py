"""Parts of forecasters: windows, scalers, bases, mixers, and the network that combines them."""
