"""Training of networks: one trainer, losses, backbones, and a corpus that every machine has. Decoding imports nothing from here."""
