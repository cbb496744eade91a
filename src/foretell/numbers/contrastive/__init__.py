"""Learning a representation by comparing: whom an anchor is compared with, by which weight, and the loss."""
