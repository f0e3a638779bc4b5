//! Listing users.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::model::{User, select_users};
use crate::{
    app::state::App,
    domain::{
        contact::Search,
        ids::{TherapistId, UserId},
        status::words,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
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
    #[param(inline)]
    role: Option<ListedRole>,
    /// Only those who are shut out, or only those who are not.
    disabled: Option<bool>,
    /// Only the accounts that stand for this therapist.
    #[param(example = "58601")]
    therapist_id: Option<TherapistId>,
    /// Only those one of whose names holds this; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "asha")]
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
        search,
        role: filter.role.map(ListedRole::as_str),
        disabled: filter.disabled,
        therapist_id: filter.therapist_id,
        now: app.clock.now(),
    };
    listing.request.answer(list).await
}

/// The users that a filter wants.
struct UserList {
    search: Option<Search>,
    role: Option<&'static str>,
    disabled: Option<bool>,
    therapist_id: Option<TherapistId>,
    now: DateTime<Utc>,
}

/// One page in one direction: the order's key and its type, the comparison with the position, and the direction.
macro_rules! page_of_users {
    ($key:literal: $type:literal, $beyond:literal, $direction:literal, $list:expr, $position:expr) => {
        select_users!(
            $key,
            [
                "where ($2::text is null or internal.search_words(u.username, u.name, u.full_name)
                    like internal.like_words($2))
                   and ($3::text is null or coalesce(internal.user_role(u.role), 'other') = $3)
                   and ($4::boolean is null or (a.disabled_at is not null) = $4)
                   and ($5::text is null or u.therapist_id = $5)
                   and ($6::text is null or (" $key ", u.id) " $beyond " ($6::text::" $type ", $7::text::integer)) "
                "order by " $key " " $direction ", u.id " $direction " limit $8"
            ],
            $list.now,
            $list.search.as_deref(),
            $list.role,
            $list.disabled,
            $list.therapist_id.as_ref().map(TherapistId::as_str),
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}

impl List for UserList {
    type Row = User;
    type Order = UserOrder;

    async fn rows(&self, db: &mut PgConnection, order: UserOrder, position: &Position) -> Result<Vec<User>> {
        use UserOrder as O;
        macro_rules! read {
            ($key:literal: $type:literal) => {
                if position.descending {
                    page_of_users!($key: $type, "<", "desc", self, position).fetch_all(db).await
                } else {
                    page_of_users!($key: $type, ">", "asc", self, position).fetch_all(db).await
                }
            };
        }
        let rows = match order {
            O::UsernameUp | O::UsernameDown => read!("coalesce(lower(u.username), '')": "text"),
            O::NameUp | O::NameDown => read!("coalesce(internal.fold(u.name), '')": "text"),
            O::OldestFirst | O::NewestFirst => read!("coalesce(u.created_at, '-infinity')": "timestamp"),
        }?;
        Ok(rows)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "total!"
               from users u
               left join internal.accounts a on a.user_id = u.id
               where ($1::text is null or internal.search_words(u.username, u.name, u.full_name)
                   like internal.like_words($1))
                 and ($2::text is null or coalesce(internal.user_role(u.role), 'other') = $2)
                 and ($3::boolean is null or (a.disabled_at is not null) = $3)
                 and ($4::text is null or u.therapist_id = $4)"#,
            self.search.as_deref(),
            self.role,
            self.disabled,
            self.therapist_id.as_ref().map(TherapistId::as_str),
        )
        .fetch_one(db)
        .await?;
        Ok(total)
    }

    fn key(user: &User) -> Key {
        user.key()
    }
}
