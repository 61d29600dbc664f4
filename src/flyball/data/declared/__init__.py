"""What a user may write inside a `Dataset`: where its rows come from, and what it promises. Frozen values; nothing is opened here."""
