-- A session has one chain of refresh tokens: each token has one successor, and one token is unused.

-- The successor, sealed with a key derived from this token, so that only somebody who presents this token can open it. Kept
-- while the same successor may be answered again.
alter table internal.refresh_tokens add column successor bytea;
create index refresh_tokens_sealed on internal.refresh_tokens (session_id) where successor is not null;

-- Earlier builds let one token have several successors. The newest unused one goes on; the others count as used, so that
-- presenting one ends the session.
update internal.refresh_tokens t
set used_at = t.issued_at
where t.used_at is null
  and exists (
      select
      from internal.refresh_tokens newer
      where newer.session_id = t.session_id
        and newer.used_at is null
        and (newer.issued_at, newer.token_hash) > (t.issued_at, t.token_hash)
  );
create unique index refresh_tokens_unused on internal.refresh_tokens (session_id) where used_at is null;
