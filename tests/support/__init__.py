"""What several tests share: a fault proxy that counts round_trips, a real PgBouncer."""
