"""Rules for the generated text: constraints, the schemas, grammars and automata behind them, and the options that give them."""
