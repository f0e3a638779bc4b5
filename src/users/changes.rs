//! Changes of accounts that decide who logs in: their record, their notifications, and the admins who may confirm them.
//!
//! Every such change is recorded here, in its transaction, and notified to all admins and to every account of the
//! therapist concerned. A therapist's account that an admin created, enabled, reset or gave another role or therapist
//! reads no clinical text until an independent admin ([`ensure_independent`]) confirms its user (`internal.write_trail` refuses the audit
//! entries of clinical reads of an account that waits). Where a practice has one admin only, the account reads clinical
//! text 72 hours after the notification; where there are more, and none of them is independent, after 30 days, without
//! a review. Which of the two applies is decided whenever admins are added or removed, and not revoked.
//!
//! The terminal of the machine is trusted: a change by the command line counts as confirmed, and confirms earlier ones
//! that wait.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{account::Account, model::User, refusal::UserRefusal};
use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{
        ids::{AccountChangeId, TherapistId, UserId},
        status::{UserRole, words},
    },
    error::{Error, Result},
    notifications::{self, Notice, NotificationKind, Recipient},
};

/// After how long an account opens where nobody can confirm it: in a practice of one admin, and of more.
const ALONE: TimeDelta = TimeDelta::hours(72);
const UNREVIEWED: TimeDelta = TimeDelta::days(30);

/// The caller's password once more, as the field `confirmation` of what it confirms.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "demo-password" }))]
pub struct Confirm {
    /// Your password, once more.
    pub(crate) password: String,
    /// A code of your authenticator app, or a recovery code: where your account has a second factor.
    pub(crate) code: Option<String>,
}

words! {
    /// A change of an account.
    pub enum AccountChange {
        /// It was made.
        Created,
        /// Its user was let in again.
        Enabled,
        /// Another password has to be set, by a link.
        PasswordReset,
        /// It has another role.
        RoleChanged,
        /// It stands for another therapist.
        TherapistChanged,
    }
}

impl AccountChange {
    /// The change, in a sentence.
    fn sentence(self, by: &str, whose: &str) -> String {
        match self {
            Self::Created => format!("{by} made an account for {whose}"),
            Self::Enabled => format!("{by} enabled the account of {whose}"),
            Self::PasswordReset => format!("{by} reset the password of {whose}"),
            Self::RoleChanged => format!("{by} gave the account of {whose} another role"),
            Self::TherapistChanged => format!("{by} gave the account of {whose} another therapist"),
        }
    }
}

/// Records a change of an account, and notifies everybody concerned: all admins, and the accounts of its therapist and
/// of its former one. `before` is the user before another role or therapist.
pub async fn note(uow: &mut UnitOfWork, user: UserId, change: AccountChange, before: Option<&User>) -> Result<()> {
    let (now, actor) = (uow.now(), uow.actor().map(|actor| actor.user_id));
    let former_role = before.filter(|_| change == AccountChange::RoleChanged).and_then(User::known_role);
    let former_therapist = before.and_then(|user| user.therapist_id.as_ref());
    let noted = sqlx::query!(
        r#"insert into internal.account_changes
               (user_id, kind, changed_by, changed_at, former_role, therapist_id, needs_review)
           select u.id, $2, $3, $4, $5, u.therapist_id,
                  $3::integer is not null and internal.user_role(u.role) is not distinct from 'therapist'
           from users u
           where u.id = $1
           returning change_id,
                     therapist_id as "therapist_id: TherapistId",
                     needs_review,
                     internal.account_name(user_id) as name,
                     internal.account_name(changed_by) as changed_by_name"#,
        user.0,
        change.as_str(),
        actor.map(|actor| actor.0),
        now,
        former_role.map(UserRole::as_str),
    )
    .fetch_one(uow.db())
    .await?;
    if actor.is_none() {
        confirm_all(uow, user).await?;
    }
    schedule_opening(uow.db(), now).await?;

    let by = noted.changed_by_name.as_deref().unwrap_or("Somebody at the server's terminal");
    let mut message = change.sentence(by, noted.name.as_deref().unwrap_or("a user"));
    if noted.needs_review {
        message.push_str(": please confirm who holds it");
    }
    let mut to = vec![Recipient::EveryAdmin];
    to.extend(noted.therapist_id.iter().chain(former_therapist).cloned().map(Recipient::Therapist));
    let notice = Notice {
        kind: NotificationKind::AccountChanged,
        title: "Account changed",
        message: &message,
        related_id: Some(&noted.change_id.to_string()),
        to: &to,
    };
    notifications::notify(uow, notice).await
}

/// Confirms what an account waits for: at the terminal somebody says who holds it.
async fn confirm_all(uow: &mut UnitOfWork, user: UserId) -> Result<()> {
    let now = uow.now();
    sqlx::query!(
        "update internal.account_changes
         set confirmed_at = $2
         where user_id = $1
           and needs_review
           and confirmed_at is null",
        user.0,
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Holds a change, so that of two admins at once one confirms it.
pub async fn lock_change(uow: &mut UnitOfWork, id: AccountChangeId) -> Result<()> {
    sqlx::query!("select from internal.account_changes where change_id = $1 for no key update", id.0)
        .fetch_optional(uow.db())
        .await?;
    Ok(())
}

/// Confirms a change in the name of the actor, and the earlier ones of the account by the same admin; tells everybody
/// concerned.
pub async fn confirm(uow: &mut UnitOfWork, id: AccountChangeId) -> Result<()> {
    let (now, reviewer) = (uow.now(), uow.actor().map(|actor| actor.user_id.0));
    let confirmed = sqlx::query!(
        r#"with this as (
               select user_id, changed_by, therapist_id
               from internal.account_changes
               where change_id = $1
           ), confirmed as (
               update internal.account_changes c
               set confirmed_at = $2,
                   confirmed_by = $3
               from this
               where c.user_id = this.user_id
                 and c.changed_by = this.changed_by
                 and c.change_id <= $1
                 and c.needs_review
                 and c.confirmed_at is null
           )
           select therapist_id as "therapist_id: TherapistId",
                  internal.account_name(user_id) as name,
                  internal.account_name($3) as reviewer
           from this"#,
        id.0,
        now,
        reviewer,
    )
    .fetch_one(uow.db())
    .await?;
    let by = confirmed.reviewer.as_deref().unwrap_or("An admin");
    let mut to = vec![Recipient::Admins];
    to.extend(confirmed.therapist_id.map(Recipient::Therapist));
    let notice = Notice {
        kind: NotificationKind::AccountChanged,
        title: "Account confirmed",
        message: &format!("{by} confirmed who holds the account of {}", confirmed.name.as_deref().unwrap_or("a user")),
        related_id: Some(&id.to_string()),
        to: &to,
    };
    notifications::notify(uow, notice).await
}

/// Sets when the accounts that nobody can confirm any more open clinical text. Done whenever admins come or go, and again and
/// again for admins that other programs add or remove.
pub async fn schedule_opening(db: &mut PgConnection, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update internal.account_changes
         set opens_at = case when internal.has_one_admin($1) then $2::timestamptz else $3 end
         where needs_review
           and confirmed_at is null
           and opens_at is null
           and not internal.has_independent(changed_by, changed_at)",
        now,
        now + ALONE,
        now + UNREVIEWED,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Fails unless somebody may review what another opened at an instant: a grant, an export, an account, a request to erase.
/// The reviewer is an enabled admin, and stays one until the transaction ends: their account is locked. It is older than what
/// is reviewed, and no change of admins' accounts links it to the opener's: `internal.is_independent`.
///
/// # Errors
///
/// [`Error::Forbidden`] if it is no enabled admin's, [`UserRefusal::NotIndependent`].
pub async fn ensure_independent(
    uow: &mut UnitOfWork,
    reviewer: UserId,
    opener: UserId,
    opened_at: DateTime<Utc>,
) -> Result<()> {
    let rights = Account::lock(uow, reviewer).await?.and_then(|account| account.rights());
    if rights.is_none_or(|rights| rights.role != UserRole::Admin) {
        return Err(Error::Forbidden);
    }
    let independent = sqlx::query_scalar!(
        r#"select internal.is_independent($1, $2, $3) as "independent!""#,
        reviewer.0,
        opener.0,
        opened_at,
    )
    .fetch_one(uow.db())
    .await?;
    if independent { Ok(()) } else { Err(UserRefusal::NotIndependent.into()) }
}

/// Whether the practice has one admin only. Those who were disabled or given another role within the last 30 days count.
pub async fn has_one_admin(db: &mut PgConnection, now: DateTime<Utc>) -> Result<bool> {
    let one = sqlx::query_scalar!(r#"select internal.has_one_admin($1) as "one!""#, now).fetch_one(db).await?;
    Ok(one)
}

/// Whether an account is that of an enabled admin.
pub async fn is_enabled_admin(db: &mut PgConnection, user: UserId) -> Result<bool> {
    let enabled = sqlx::query_scalar!(
        r#"select exists (
               select
               from users u
               left join internal.accounts a on a.user_id = u.id
               where u.id = $1
                 and internal.user_role(u.role) = 'admin'
                 and a.disabled_at is null
           ) as "enabled!""#,
        user.0,
    )
    .fetch_one(db)
    .await?;
    Ok(enabled)
}
