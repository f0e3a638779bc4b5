//! Listing users.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::User;
use crate::{
    app::state::App,
    db::pruned::pruned,
    domain::{
        contact::Search,
        ids::{TherapistId, UserId},
        status::words,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        extract::AnyOf,
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which users can be listed.
    UserOrder: UsernameUp = "username", UsernameDown = "-username", NameUp = "name", NameDown = "-name",
        OldestFirst = "created_at", NewestFirst = "-created_at"
}

words! {
    /// Roles of users, as far as the list distinguishes them.
    #[schema(title = "ListedRole")]
    pub(super) enum ListedRole {
        /// Runs the practice.
        Admin,
        /// Holds sessions.
        Therapist,
        /// Another word, or none: cannot log in.
        Other,
    }
}

/// Which users are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UserFilter {
    /// Only those of this role.
    #[serde(default)]
    #[param(value_type = Option<Vec<ListedRole>>, inline, style = Form, explode = false)]
    role: AnyOf<ListedRole>,
    /// Only those who are shut out, or only those who are not.
    disabled: Option<bool>,
    /// Only the accounts that stand for this therapist.
    #[param(example = "58601")]
    therapist_id: Option<TherapistId>,
    /// Only those one of whose names holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "asha")]
    q: Option<String>,
}

/// List users
///
/// Everybody who has an account, whether they can log in or not. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/users",
    tag = "users",
    params(UserFilter, ("sort" = inline(Option<UserOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of users", content(
            (Page<User> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_users(State(app): State<App>, listing: Listing<UserFilter, UserOrder>) -> Result<Response> {
    let filter = listing.filter;
    let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    let list = UserList {
        id: None,
        search,
        roles: filter.role,
        disabled: filter.disabled,
        therapist_id: filter.therapist_id,
        now: app.clock.now(),
    };
    listing.request.answer(list).await
}

/// The users that a filter wants.
pub(super) struct UserList {
    id: Option<UserId>,
    search: Option<Search>,
    roles: AnyOf<ListedRole>,
    disabled: Option<bool>,
    therapist_id: Option<TherapistId>,
    now: DateTime<Utc>,
}

impl UserList {
    /// All of them, as they are at an instant.
    pub(super) fn of(now: DateTime<Utc>) -> Self {
        Self { id: None, search: None, roles: AnyOf::default(), disabled: None, therapist_id: None, now }
    }

    /// One of them.
    pub(super) fn one(id: UserId, now: DateTime<Utc>) -> Self {
        Self { id: Some(id), ..Self::of(now) }
    }
}

impl List for UserList {
    type Row = User;
    type Order = UserOrder;

    /// The version is that of the two rows that say who somebody is.
    async fn rows(&self, db: &mut PgConnection, order: UserOrder, position: &Position) -> Result<Vec<User>> {
        let users = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(User),
            [r#"
                select u.id as "id: UserId",
                       coalesce(u.username, '') as "username!",
                       coalesce(u.name, '(no name)') as "name!",
                       coalesce(internal.user_role(u.role), u.role) as role,
                       u.created_at as "created_at!: Timestamp",
                       u.updated_at as "updated_at!: Timestamp",
                       u.therapist_id as "therapist_id: TherapistId",
                       u.full_name,
                       a.disabled_at is not null as "disabled!",
                       f.confirmed_at is not null as "totp_enabled!",
                       internal.awaits_confirmation(u.id, $1) as "awaiting_confirmation!",
                       concat_ws('-', u.xmin, a.xmin) as "version!",
                       concat(
                           lower(u.username), -- by username
                           internal.fold(u.name), -- by name
                           coalesce(u.created_at, '-infinity'), -- by created_at
                           ''
                       ) as "sort_key!"
                from users u
                left join internal.accounts a on a.user_id = u.id
                left join internal.second_factors f on f.user_id = u.id
                where true
                  and u.id = $2
                  and internal.search_words(u.username, u.name, u.full_name) like any (internal.like_words($3))
                  and coalesce(internal.user_role(u.role), 'other') = any ($4::text[])
                  and (a.disabled_at is not null) = $5
                  and u.therapist_id = $6
                  and (coalesce(lower(u.username), ''), u.id) < ($7, $8::text::integer) -- by username
                  and (coalesce(internal.fold(u.name), ''), u.id) < ($7, $8::text::integer) -- by name
                  and (coalesce(u.created_at, '-infinity'), u.id) < ($7::text::timestamp, $8::text::integer) -- by created_at
                order by
                    coalesce(lower(u.username), '') desc, -- by username
                    coalesce(internal.fold(u.name), '') desc, -- by name
                    coalesce(u.created_at, '-infinity') desc, -- by created_at
                    u.id desc -- by any
                limit $9
            "#],
            self.now,
            self.id.map(|id| id.0),
            self.search.as_deref(),
            self.roles.words() => Option<Vec<&str>>,
            self.disabled,
            self.therapist_id.as_ref().map(TherapistId::as_str),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(users)
    }

    fn key(user: &User) -> Key {
        user.key()
    }
}

impl User {
    /// The user, without secrets.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn read(db: &mut PgConnection, id: UserId, now: DateTime<Utc>) -> Result<Self> {
        UserList::one(id, now).first(db).await?.ok_or(Error::NotFound("user"))
    }
}

/// All users, by name.
pub async fn list(db: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<User>> {
    let position = Position { from: None, descending: false, limit: i64::MAX, count: None };
    UserList::of(now).rows(db, UserOrder::UsernameUp, &position).await
}
