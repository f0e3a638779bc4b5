//! The rules that hold for all users together: one name each, an admin always, a therapist behind every therapist's
//! account.
//!
//! An adopted database may lack the unique index, and no constraint could count admins: who changes names, or takes
//! admins away, queues at a lock of its own, before the user's row is locked.

use super::refusal::UserRefusal;
use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
    },
    error::{Error, Result},
};

/// Fails if anybody but `own` has the name. Until the transaction ends nobody else takes one.
pub(super) async fn ensure_free_name(uow: &mut UnitOfWork, username: &str, own: Option<UserId>) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('users.username', 0))::text as locked")
        .fetch_one(uow.db())
        .await?;
    let taken = sqlx::query_scalar!(
        r#"select exists (
               select
               from users
               where internal.user_key(username) = internal.user_key($1::text)
                 and id is distinct from $2
           ) as "taken!""#,
        username,
        own.map(|own| own.0),
    )
    .fetch_one(uow.db())
    .await?;
    if taken { Err(UserRefusal::UsernameTaken.into()) } else { Ok(()) }
}

/// Lets those who take admins away follow one another.
pub(super) async fn lock_admins(uow: &mut UnitOfWork) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('users.admins', 0))::text as locked")
        .fetch_one(uow.db())
        .await?;
    Ok(())
}

/// Fails unless another admin is enabled. Asked under [`lock_admins`].
pub(super) async fn ensure_other_admin(uow: &mut UnitOfWork, leaving: UserId) -> Result<()> {
    let other = sqlx::query_scalar!(
        r#"select exists (
               select
               from users u
               left join internal.accounts a on a.user_id = u.id
               where u.id <> $1
                 and internal.user_role(u.role) = 'admin'
                 and a.disabled_at is null
           ) as "other!""#,
        leaving.0,
    )
    .fetch_one(uow.db())
    .await?;
    if other { Ok(()) } else { Err(UserRefusal::LastAdmin.into()) }
}

/// Fails unless role and therapist go together: a therapist has one, an admin has none. A role that cannot log in may
/// have one or not.
pub(super) fn ensure_fit(role: Option<UserRole>, therapist: Option<&TherapistId>) -> Result<()> {
    match (role, therapist) {
        (Some(UserRole::Admin), Some(_)) => Err(Error::body("/therapist_id", "only a therapist has one")),
        (Some(UserRole::Therapist), None) => Err(Error::body("/therapist_id", "a therapist needs one")),
        _ => Ok(()),
    }
}

/// Fails unless the therapist exists, under an id that fits beside a user.
pub(super) async fn ensure_therapist(uow: &mut UnitOfWork, therapist: &TherapistId) -> Result<()> {
    let unknown = || Error::body("/therapist_id", "is not the id of a therapist");
    if !therapist.is_possible() {
        return Err(unknown());
    }
    let known = sqlx::query_scalar!(
        r#"select exists (
               select
               from therapists
               where therapist_id = $1
                 and length(therapist_id) <= 50
           ) as "known!""#,
        therapist.as_str(),
    )
    .fetch_one(uow.db())
    .await?;
    if known { Ok(()) } else { Err(unknown()) }
}
