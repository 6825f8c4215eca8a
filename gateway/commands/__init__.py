"""The subcommands of `onevoice`, one module each. Whatever is slow to import they import when they run."""
