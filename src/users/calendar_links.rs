//! The secret link to a therapist's calendar, which needs no login: one for each user, stored hashed.
//!
//! It belongs to the user *and* the therapist. Disabling a user, resetting their password, ending all their
//! sessions, or giving the account another role or therapist, revokes it in the same transaction; a trigger does where another
//! program changes the account. The link is also refused while the account's role or therapist differs from those it was made
//! for.

use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{
        ids::{TherapistId, UserId},
        time::Timestamp,
    },
    error::Result,
};

/// Replaces the link of a user; the former one stops working. Returns whether there was one.
pub async fn replace(uow: &mut UnitOfWork, user: UserId, therapist: &TherapistId, token_hash: &[u8]) -> Result<bool> {
    let now = uow.now();
    let had = revoke(uow, user).await?;
    sqlx::query!(
        "insert into internal.calendar_links (user_id, therapist_id, token_hash, created_at)
         values ($1, $2, $3, $4)
         on conflict (user_id) do update
         set therapist_id = excluded.therapist_id,
             token_hash = excluded.token_hash,
             created_at = excluded.created_at",
        user.0,
        therapist.as_str(),
        token_hash,
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(had)
}

/// Revokes the link of a user; returns whether there was one.
pub async fn revoke(uow: &mut UnitOfWork, user: UserId) -> Result<bool> {
    let revoked =
        sqlx::query!("delete from internal.calendar_links where user_id = $1", user.0).execute(uow.db()).await?;
    Ok(revoked.rows_affected() > 0)
}

/// Since when a user has a link; none, if they have none.
pub async fn made_at(db: &mut PgConnection, user: UserId) -> Result<Option<Timestamp>> {
    let made = sqlx::query_scalar!(
        r#"select l.created_at as "created_at!: Timestamp"
           from internal.calendar_links l
           join users u on u.id = l.user_id
           where l.user_id = $1
             and u.therapist_id = l.therapist_id"#,
        user.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(made)
}

/// The therapist whose calendar a link opens, and the user it belongs to; none, if it is not valid.
pub async fn holder(db: &mut PgConnection, token_hash: &[u8]) -> Result<Option<(TherapistId, UserId)>> {
    let link = sqlx::query!(
        r#"select l.therapist_id as "therapist_id: TherapistId", l.user_id as "user_id: UserId"
           from internal.calendar_links l
           join users u on u.id = l.user_id
           left join internal.accounts a on a.user_id = u.id
           where l.token_hash = $1
             and u.therapist_id = l.therapist_id
             and internal.user_role(u.role) = 'therapist'
             and a.disabled_at is null"#,
        token_hash,
    )
    .fetch_optional(db)
    .await?;
    Ok(link.map(|link| (link.therapist_id, link.user_id)))
}
