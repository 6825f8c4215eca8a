"""Pure rules over the conversation model: no I/O, no clock, no randomness."""
