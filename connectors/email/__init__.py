"""The mail channel: SMTP door and IMAP mailbox in, relay out, and a parser that runs in a worker process."""
