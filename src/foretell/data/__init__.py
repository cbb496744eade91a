"""Files that come with the package: prompts, tables of phrases and small models."""
