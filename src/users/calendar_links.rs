//! The link that opens the calendar of a therapist to whoever holds it, without a login: one for each user, hashed.
//!
//! It stands for the user *and* the therapist. Whoever disables a user, or gives the account another role or therapist,
//! revokes it in the same transaction; and since other programs write `users` too, it opens nothing while the account is
//! not what it was made for.

use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{
        ids::{TherapistId, UserId},
        time::Timestamp,
    },
    error::Result,
};

/// Makes this the link of a user; the one before opens nothing any more. Tells whether there was one.
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

/// Takes the link of a user away; tells whether there was one.
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

/// Whose calendar a link opens, and whose link it is; none, if it opens none.
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
