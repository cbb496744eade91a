"""Networks of models with gradients: what heads, adapters and encoders are trained on."""
