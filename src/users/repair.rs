//! Repairs of rows that other programs left in `users`.

use super::{hash_legacy, legacy};
use crate::{app::unit_of_work::UnitOfWork, db::repair::RepairedRows, error::Result};

/// How many passwords are hashed in one transaction: each takes a tenth of a second of a core.
const HASHES: usize = 50;

/// Writes the known roles in their written form. Nobody's rights change: a role is read in any letter case.
pub async fn respell_roles(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let repaired = sqlx::query_as!(
        RepairedRows,
        r#"with changed as (
               update users
               set role = internal.user_role(role)
               where role <> internal.user_role(role)
               returning id::text as id
           )
           select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
           from changed"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(repaired)
}

/// Hashes passwords that are plain text, so many at a time.
///
/// # Errors
///
/// If the database refuses, or too many passwords are being checked.
pub async fn hash_passwords(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let plain = legacy(uow.db()).await?;
    let passwords = uow.app().passwords.clone();
    let mut repaired = RepairedRows::default();
    for user in plain.iter().filter(|user| user.is_plain()).take(HASHES) {
        let hash = passwords.hash(user.password.clone()).await?;
        if hash_legacy(uow, user, &hash).await? {
            repaired.add(user.id);
        }
    }
    Ok(repaired)
}
