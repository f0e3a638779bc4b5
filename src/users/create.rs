//! A new user.

use crate::platform::{
    audit::Entry,
    error::{Error, Refusal, Result},
    ids::{TherapistId, UserId},
    problem::{ProblemKind, kinds},
    status::UserRole,
    text::Text,
    work::UnitOfWork,
};

kinds! { PROBLEMS:
    USERNAME_TAKEN = CONFLICT, "username-taken", "The user name is taken",
        "Somebody else logs in by this name. Upper and lower case make no difference.";
}

/// The name is taken.
#[derive(Debug, thiserror::Error)]
#[error("somebody else logs in by this name")]
pub struct UsernameTaken;

impl Refusal for UsernameTaken {
    fn kind(&self) -> &'static ProblemKind {
        &USERNAME_TAKEN
    }
}

/// Who shall log in.
#[derive(Debug)]
pub struct NewUser {
    /// What they log in with.
    pub username: Text<255>,
    /// The PHC string of their password, or what never matches.
    pub password_hash: String,
    /// What they are called.
    pub name: Text<255>,
    /// The name in full.
    pub full_name: Option<Text<255>>,
    /// What they may do.
    pub role: UserRole,
    /// Whom a therapist's account stands for: at most 50 characters.
    pub therapist_id: Option<TherapistId>,
}

/// Makes a user.
///
/// # Errors
///
/// [`UsernameTaken`]; and if role and therapist do not go together, or there is no such therapist.
pub async fn create(uow: &mut UnitOfWork, new: NewUser) -> Result<UserId> {
    match (new.role, &new.therapist_id) {
        (UserRole::Admin, None) | (UserRole::Therapist, Some(_)) => {}
        (UserRole::Admin, Some(_)) => {
            return Err(Error::body("/therapist_id", "only a therapist has one"));
        }
        (UserRole::Therapist, None) => {
            return Err(Error::body("/therapist_id", "a therapist needs one"));
        }
    }
    // An adopted database may lack the unique index, so two who ask at the same moment queue here.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('users.username', 0))::text as locked")
        .fetch_one(uow.db())
        .await?;
    let known = sqlx::query!(
        r#"select exists (select from users where lower(username) = lower($1::text)) as "taken!",
                  exists (select from therapists where therapist_id = $2 and length(therapist_id) <= 50) as "therapist!""#,
        &*new.username,
        new.therapist_id.as_ref().map(TherapistId::as_str),
    )
    .fetch_one(uow.db())
    .await?;
    if known.taken {
        return Err(UsernameTaken.into());
    }
    if new.therapist_id.is_some() && !known.therapist {
        return Err(Error::body("/therapist_id", "is not the id of a therapist"));
    }
    let now = uow.now();
    let id = sqlx::query_scalar!(
        r#"insert into users (username, password, name, full_name, role, therapist_id, created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $7, $7)
           returning id as "id: UserId""#,
        &*new.username,
        new.password_hash,
        &*new.name,
        new.full_name.as_deref(),
        new.role.as_str(),
        new.therapist_id.as_ref().map(TherapistId::as_str),
        now.naive_utc(),
    )
    .fetch_one(uow.db())
    .await?;
    uow.record(Entry::new("user_create", format!("Created the user {} ({})", new.username, new.role)).on("user", id));
    Ok(id)
}
