//! Changing an account: what needs the admin's password once more, and what does not.

use axum::extract::State;

use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    domain::ids::UserId,
    error::{Result, problem::Problems},
    http::{
        caller::Caller,
        etag::{Preconditions, Versioned},
        extract::{Json, Path},
    },
    users::{self, EditUser, User, UserRefusal},
};

/// Change a user
///
/// JSON merge patch. Another role or therapist, and letting somebody in again, need `confirmation`; all admins, and the
/// accounts of the therapist, are told, and a therapist's account opens no clinical text until another admin confirms who
/// holds it. Another role or therapist ends all their sessions. Nobody changes their own. Refused where no enabled admin
/// would be left.
#[utoipa::path(
    patch,
    path = "/users/{id}",
    tag = "users",
    params(("id" = UserId, Path, description = "The account"), Preconditions),
    request_body = EditUser,
    responses(
        (status = 200, description = "Changed", body = User),
        (status = 429, description = "The password was wrong too often"),
        Problems,
    ),
)]
pub(super) async fn edit_user(
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Path(id): Path<UserId>,
    when: Preconditions,
    Json(mut patch): Json<EditUser>,
) -> Result<Versioned<User>> {
    if id == caller.user_id && patch.changes_rights_of(&caller) {
        return Err(UserRefusal::OwnRights.into());
    }
    let confirmation = patch.confirmation.take();
    let confirmed = confirmation.is_some();
    let act = async |uow: &mut UnitOfWork| {
        users::change(uow, id, patch, confirmed, &when).await?;
        let now = uow.now();
        Ok(User::read(uow.db(), id, now).await?.versioned())
    };
    match confirmation {
        Some(confirmation) => confirmation.check(&app, &caller, &work).await?.run(work, act).await,
        None => work.run(act).await,
    }
}
