"""What Onevoice remembers: tables, units of work, outbox, blobs and migrations."""
