//! A user's row as a login reads it: with the secrets, and never in an answer.

use sqlx::PgConnection;

use crate::{
    app::{state::App, unit_of_work::UnitOfWork},
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
        username::Username,
    },
    error::{Error, Result},
    http::caller::Caller,
};

/// The columns that decide whether somebody may log in, and with which role.
#[derive(Debug)]
pub struct Account {
    /// The account.
    pub id: UserId,
    /// In the form in which names are compared: two spellings are one name.
    pub username: String,
    /// A PHC string, or another program's text.
    pub password: String,
    role: Option<String>,
    therapist_id: Option<TherapistId>,
    disabled: bool,
}

/// The role and therapist with which an account may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The role of the account.
    pub role: UserRole,
    /// The therapist whose account it is: set for a therapist, and only then.
    pub therapist_id: Option<TherapistId>,
}

/// One row of `users` as an [`Account`], under the given condition.
macro_rules! select_account {
    ([$($condition:literal)+], $($argument:expr),+) => {
        sqlx::query_as!(
            Account,
            r#"select u.id as "id: UserId",
                      coalesce(internal.user_key(u.username), '') as "username!",
                      coalesce(u.password, '') as "password!",
                      u.role,
                      u.therapist_id as "therapist_id: TherapistId",
                      a.disabled_at is not null as "disabled!"
               from users u
               left join internal.accounts a on a.user_id = u.id "# + $($condition)+,
            $($argument),+
        )
    };
}

impl Account {
    /// The account by its id, and no change to it until the transaction ends.
    pub async fn lock(uow: &mut UnitOfWork, id: UserId) -> Result<Option<Self>> {
        // Locked before it is read: a statement that waits for the lock would miss that the account was disabled meanwhile.
        sqlx::query!("select id from users where id = $1 for share", id.0).fetch_optional(uow.db()).await?;
        Ok(select_account!(["where u.id = $1"], id.0).fetch_optional(uow.db()).await?)
    }

    /// The account of somebody who is logged in.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] if it is gone.
    pub async fn of_caller(app: &App, caller: &Caller) -> Result<Self> {
        let mut db = app.db.unscoped().await?;
        let account = select_account!(["where u.id = $1"], caller.user_id.0).fetch_optional(&mut *db).await?;
        account.ok_or(Error::Unauthenticated("the account is gone"))
    }

    /// The one account with this name in any spelling; none where an adopted database has several.
    pub async fn by_name(db: &mut PgConnection, username: &Username) -> Result<Option<Self>> {
        let wanted: &str = username;
        let found =
            select_account!(["where internal.user_key(u.username) = internal.user_key($1::text) limit 2"], wanted);
        let mut found = found.fetch_all(db).await?;
        Ok(found.pop().filter(|_| found.is_empty()))
    }

    /// The role and therapist with which it may log in; `None` if it may not.
    pub fn rights(&self) -> Option<Rights> {
        let role = UserRole::read(self.role.as_deref()?).filter(|_| !self.disabled)?;
        let therapist_id = match role {
            UserRole::Admin => None,
            UserRole::Therapist => Some(self.therapist_id.clone()?),
        };
        Some(Rights { role, therapist_id })
    }
}
