"""What users write as a rule, made a constraint, and what the text is read back as."""
