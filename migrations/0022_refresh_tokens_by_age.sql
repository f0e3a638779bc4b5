-- Refresh tokens are forgotten when they are too old to be taken, although their session lives on: found by their age.

create index refresh_tokens_by_age on internal.refresh_tokens (issued_at);
