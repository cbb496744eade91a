"""What paces share: the cost curve, acceptance rates, records of arms."""
