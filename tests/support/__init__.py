"""What tests share: callers, events, fleets, a clock to move, the ledger's proof."""
