"""When things happen: wiring, transactions, loops, HTTP, the commands and the sandbox."""
