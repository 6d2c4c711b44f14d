"""What several tests share: a fault proxy that counts turns, a real PgBouncer."""
